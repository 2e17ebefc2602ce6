"""Python programs as processes of their own that need not import everything anew.

Each is forked from a server that has imported the program already: an interpreter of its own would
spend over a second on that every time. What has to do with the start of an interpreter, as the
imports of commands or encodings, is tried with a real one.
"""

import asyncio
import multiprocessing
import os
import runpy
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks import process_tree

PRELOADED = (
    "anyio._backends._asyncio",
    "benchmarks.bot_process",
    "bot.cli.check",
    "bot.cli.workflows.convert",
    "bot.cli.export",
    "bot.cli.generate",
    "bot.cli.workflows.inspect",
    "bot.cli.main",
    "db.maintenance",
    "db.migrations.scripts",
    "dbos._sys_db_sqlite",
    "sandbox.comfyui",
    "sandbox.demo",
    "tests.support.read_ahead",
)

MAX_OUTPUT_BYTES = 2**24
"""Read ahead, so that the end of a stream is met although nobody reads it."""


def spend_cpu():
    """Use a tenth of a second of CPU."""
    began_at = process_tree.cpu_seconds([os.getpid()])
    while process_tree.cpu_seconds([os.getpid()]) < began_at + 0.1:
        pass


class Program:
    """A program that was started, used as `asyncio.subprocess.Process` is."""

    def __init__(self, process: BaseProcess, stdin: Connection) -> None:
        self._process = process
        self._stdin = stdin
        self._outputs: list[_Output] = []

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    @property
    def stdout(self) -> asyncio.StreamReader:
        return self._outputs[0].reader

    @property
    def stderr(self) -> asyncio.StreamReader:
        return self._outputs[-1].reader

    async def read(self, *connections: Connection) -> None:
        """Read what the program writes; its error output is the last one."""
        loop = asyncio.get_running_loop()
        for connection in connections:
            file = os.fdopen(os.dup(connection.fileno()), "rb", buffering=0)
            connection.close()
            _, output = await loop.connect_read_pipe(_Output, file)
            self._outputs.append(output)

    def send_signal(self, number: int) -> None:
        if self.returncode is None and self.pid is not None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    async def wait(self) -> int | None:
        """Wait for the end of the program and of its output."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        self._stdin.close()
        for output in self._outputs:
            await output.ended.wait()
        return self.returncode

    async def communicate(self, content: bytes = b"") -> tuple[bytes, bytes]:
        """Send a few bytes, wait for the end, and return both outputs."""
        if content:
            os.write(self._stdin.fileno(), content)
        self._stdin.close()
        await self.wait()
        return await self.stdout.read(), await self.stderr.read()


class _Output(asyncio.StreamReaderProtocol):
    """A pipe that a program writes to."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader(limit=MAX_OUTPUT_BYTES)
        self.ended = asyncio.Event()
        super().__init__(self.reader)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.ended.set()


async def start_program(
    *arguments: str, cwd: Path, env: Mapping[str, str], joins_errors: bool = False
) -> Program | asyncio.subprocess.Process:
    """Run `python ARGUMENTS…` with pipes as its standard streams; the caller ends it.

    With `joins_errors` it writes errors to its standard output. The encoding of the streams is what
    only an interpreter of its own reads.
    """
    can_fork = "forkserver" in multiprocessing.get_all_start_methods()
    if not can_fork or "PYTHONIOENCODING" in env:
        return await _start_interpreter(*arguments, cwd=cwd, env=env, joins_errors=joins_errors)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    stdin, our_stdin = context.Pipe(duplex=False)
    outputs = [context.Pipe(duplex=False) for _ in range(1 if joins_errors else 2)]
    streams = (stdin, outputs[0][1], outputs[-1][1])
    process = context.Process(
        target=_run, args=(arguments, str(cwd), dict(env), streams), daemon=True
    )
    await asyncio.to_thread(process.start)
    for stream in streams:
        stream.close()
    program = Program(process, our_stdin)
    await program.read(*(ours for ours, _ in outputs))
    return program


async def _start_interpreter(
    *arguments: str, cwd: Path, env: Mapping[str, str], joins_errors: bool = False
) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        cwd=cwd,
        env=env,
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.STDOUT if joins_errors else pipe,
    )


def _run(
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    streams: Sequence[Connection],
) -> None:
    """Run a program; the entry point of each process."""
    for descriptor, stream in enumerate(streams):
        os.dup2(stream.fileno(), descriptor)
    # The server's own are buffers of whatever it was started with.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
    sys.stdout, sys.stderr = (
        open(number, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
        for number in (1, 2)
    )
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    warnings.simplefilter("ignore")
    if arguments[0] == "-m":
        sys.argv[:] = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = arguments
        runpy.run_path(arguments[0], run_name="__main__")
