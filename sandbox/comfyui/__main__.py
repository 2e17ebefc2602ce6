"""Command line of the stand-in: `python -m sandbox.comfyui --port 8188`."""

import argparse
import asyncio
import os
import signal
import sys

from sandbox.comfyui.models import FOLDERS
from sandbox.comfyui.server import ComfyUIStandIn


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.comfyui", description=__doc__)
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--version", choices=tuple(FOLDERS), default="0.33.0")
    parser.add_argument("--step-seconds", type=float, default=0.12)
    parser.add_argument("--load-seconds", type=float, default=0.3)
    arguments = parser.parse_args()
    try:
        asyncio.run(_serve(arguments))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        sys.exit(f"The stand-in cannot listen on port {arguments.port}: {reason}.")


async def _serve(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not add_signal_handler: the event loop of Windows has none.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
    stand_in = ComfyUIStandIn(
        arguments.port,
        version=arguments.version,
        step_seconds=arguments.step_seconds,
        load_seconds=arguments.load_seconds,
    )
    async with stand_in:
        sys.stdout.write(f"{stand_in.url}\n")
        sys.stdout.flush()
        await stopping.wait()


if __name__ == "__main__":
    main()
