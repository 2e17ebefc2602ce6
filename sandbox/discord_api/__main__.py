"""Runs the stand-in Discord alone, until it is interrupted."""

import argparse
import asyncio
import contextlib
import logging
import sys

from sandbox.discord_api.server import DiscordStandIn, summary


async def serve(port: int) -> None:
    """Serve on loopback and print where."""
    async with DiscordStandIn(port) as world:
        for name, value in summary(world).items():
            sys.stdout.write(f"{name}: {value}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.discord_api", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port))


if __name__ == "__main__":
    main()
