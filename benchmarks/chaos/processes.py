"""The bot's processes, restarted whenever they end, as by a service manager.

They are forked from a server that has imported the program already: starts, and so kills, are
then many times as frequent as with an interpreter of its own for each.
"""

import asyncio
import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Self

from benchmarks import bot_process

PAUSE_S = 0.3
"""Before a process that ended is started again."""

LOOK_S = 0.05
"""Between two looks whether a process has ended."""

CRASH = "Traceback (most recent call last)"

_GIVEN_UP = re.compile(r"Generation (\w+) was given up .*: it was interrupted again and again")

REFUSED_WITHIN_S = 30.0
"""A process that lives longer was not refused."""


class BotProcesses:
    """One process for each of the roles, started again and again until the block ends."""

    def __init__(
        self,
        roles: Sequence[str],
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
    ) -> None:
        self.roles = tuple(roles)
        self._arguments = tuple(arguments)
        self._environment = dict(environment)
        self._folder = folder
        self._living: dict[int, ForkServerProcess] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["benchmarks.bot_process"])
        self.starts = 0

    async def __aenter__(self) -> Self:
        """Start one for each role."""
        self._tasks = [
            asyncio.create_task(self._keep(slot, role), name=f"keeper of {role} {slot}")
            for slot, role in enumerate(self.roles)
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End them for good."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def living(self) -> tuple[int, ...]:
        """Indexes of the processes that are running."""
        return tuple(self._living)

    def kill(self, slot: int) -> None:
        """Kill a process."""
        process = self._living.get(slot)
        if process is not None:
            process.kill()

    async def terminate(self, slot: int) -> float:
        """Terminate a process; returns the seconds until it has ended."""
        process = self._living.get(slot)
        began_at = time.monotonic()
        if process is not None:
            process.terminate()
        while process is not None and self._living.get(slot) is process:  # noqa: ASYNC110 - its keeper tells nobody
            await asyncio.sleep(LOOK_S)
        return time.monotonic() - began_at

    def freeze(self, slot: int) -> None:
        """Freeze a process, with its connections open."""
        self._signal(slot, signal.SIGSTOP)

    def thaw(self, slot: int) -> None:
        """Resume a frozen process, if it was not killed meanwhile."""
        self._signal(slot, signal.SIGCONT)

    def _signal(self, slot: int, number: signal.Signals) -> None:
        process = self._living.get(slot)
        if process is not None and process.pid is not None:
            os.kill(process.pid, number)

    async def start_by_mistake(self) -> tuple[int | None, str]:
        """Start one more process, and return its exit status and its last line.

        It is killed when it does not end within `REFUSED_WITHIN_S`.
        """
        log = self._folder / "mistake.log"
        log.unlink(missing_ok=True)
        process = self._start("all", log)
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSED_WITHIN_S):
                await _wait(process)
        return process.exitcode, log.read_text().strip().rpartition("\n")[2]

    def given_up(self) -> frozenset[str]:
        """The generations that the processes gave up because they were interrupted too often."""
        return frozenset(id_ for log in self._logs() for id_ in _GIVEN_UP.findall(log))

    def crashes(self) -> tuple[str, ...]:
        """The tracebacks that the processes logged, shortened."""
        found = []
        for log in self._logs():
            for part in log.split(CRASH)[1:]:
                # The first line that is not indented again names the error.
                lines = part.splitlines()[1:]
                error = next((line for line in lines if line and line[0] != " "), "")
                found.append(error[:200])
        return tuple(found)

    def _logs(self) -> list[str]:
        paths = sorted(self._folder.glob("process-*.log"))
        return [path.read_text(errors="replace") for path in paths]

    async def _keep(self, slot: int, role: str) -> None:
        while True:
            process = self._start(role, self._folder / f"process-{slot}.log")
            self._living[slot] = process
            self.starts += 1
            try:
                await _wait(process)
            finally:
                del self._living[slot]
            await asyncio.sleep(PAUSE_S)

    def _start(self, role: str, log: Path) -> ForkServerProcess:
        arguments = (*self._arguments, role)
        process = self._context.Process(
            target=_run, args=(arguments, self._environment, str(log)), daemon=True
        )
        process.start()
        return process


def _run(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
    """Run the bot; the entry point of each process."""
    for name in [variable for variable in os.environ if variable.startswith("LIMNER_")]:
        del os.environ[name]
    os.environ.update(environment)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, sys.stderr.fileno())
    sys.argv[1:] = arguments
    sys.exit(bot_process.main())


async def _wait(process: ForkServerProcess) -> None:
    """Wait for the end of a process; kill it when cancelled."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(process.sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(process.sentinel)
        process.kill()
        process.join()
