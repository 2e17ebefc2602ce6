"""Commands and HTTP requests that start and stop a backend, as configured by the operator."""

import asyncio
import logging
import math
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, STDOUT, Process
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from comfy.calls import HttpCall, send_call
from comfy.errors import ComfyError

MAX_OUTPUT_BYTES = 2000
"""Bytes logged from the end of a command's output."""

Command = tuple[str, ...]
PowerCall = Command | HttpCall

_log = logging.getLogger(__name__)


class PowerCallFailed(Exception):
    """A call failed; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class PowerSettings:
    """The calls that wake a backend and let it sleep, and the idle seconds before sleep."""

    wake: PowerCall | None = None
    sleep: PowerCall | None = None
    idle_s: float = math.inf

    def find_problem(self) -> str | None:
        """Return a sentence that names a missing command, if one is."""
        for name, call in (("wake", self.wake), ("sleep", self.sleep)):
            if isinstance(call, tuple) and shutil.which(call[0]) is None:
                return f"Its {name} command {call[0]} is not installed here: correct backends.toml."
        return None


async def carry_out(call: PowerCall, name: str, *, timeout_s: float) -> None:
    """Run the command, without a shell, or send the request. Raises PowerCallFailed.

    `name` stands for it in messages. A command that does not end in time is killed with all that
    it started; what it printed goes to the log.
    """
    if isinstance(call, HttpCall):
        try:
            await send_call(call, name, timeout_s=timeout_s)
        except ComfyError as error:
            raise PowerCallFailed(str(error)) from error
        return
    with tempfile.TemporaryFile() as output:
        status = await _run(call, name, output, timeout_s)
        lines = _read_end(output)
    for line in lines:
        _log.info("%s: %s", name, line)
    if status != 0:
        last = f": {lines[-1]}" if lines else ""
        raise PowerCallFailed(f"{name} ended with status {status}{last}.")


async def _run(command: Command, name: str, output: BinaryIO, timeout_s: float) -> int:
    try:
        # A file, because a pipe stays open as long as any process that the command left behind.
        # In a new session, so that `_kill` reaches everything that the command started.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=output, stderr=STDOUT, start_new_session=True
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no command"
        raise PowerCallFailed(f"{name} cannot be run: {reason}.") from error
    try:
        async with asyncio.timeout(timeout_s):
            return await process.wait()
    except TimeoutError:
        raise PowerCallFailed(f"{name} did not end within {timeout_s:g} s.") from None
    finally:
        if process.returncode is None:
            _kill(process)
            await process.wait()


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _read_end(output: BinaryIO) -> list[str]:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(size - MAX_OUTPUT_BYTES, 0))
    return [line for line in output.read().decode(errors="replace").splitlines() if line.strip()]
