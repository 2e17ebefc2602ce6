"""The programs that are measured, and how their processes are started."""

import asyncio
import json
import os
import sys
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from benchmarks.postgres import PostgresServer
from benchmarks.processes import ROOT
from benchmarks.scale import Scale
from benchmarks.service import WORKFLOW, write_workflow

STOP_S = 15.0
"""A little more than the ten seconds in which Limner says that it stops."""

_BACKEND = """[[backend]]
url = "{url}"
concurrency = {concurrency}
"""


class Program(StrEnum):
    """What is measured."""

    FLOOR = "floor"
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    APART = "apart"

    @property
    def label(self) -> str:
        """What a table calls it."""
        return _TITLES[self]

    @property
    def options(self) -> Mapping[str, str]:
        """What /imagine is given besides a prompt."""
        return {} if self is Program.FLOOR else {"workflow": WORKFLOW}

    @property
    def roles(self) -> tuple[str, ...]:
        """One for each of its processes."""
        return ("worker", "bot") if self is Program.APART else ("all",)

    @property
    def needs_postgresql(self) -> bool:
        """Whether its records are in PostgreSQL."""
        return self in (Program.POSTGRESQL, Program.APART)


_TITLES = {
    Program.FLOOR: "floor",
    Program.SQLITE: "SQLite",
    Program.POSTGRESQL: "PostgreSQL",
    Program.APART: "bot and worker",
}


@dataclass(frozen=True, slots=True)
class BotProcess:
    """One running process of a program."""

    pid: int
    process: asyncio.subprocess.Process

    async def report(self) -> Mapping[str, Any]:
        """Ask an observed one what it did: see `benchmarks.whole_bot.observed`."""
        assert self.process.stdin is not None  # noqa: S101 - asked for at its start
        assert self.process.stdout is not None  # noqa: S101 - likewise
        self.process.stdin.write(b"\n")
        answer: Mapping[str, Any] = json.loads(await self.process.stdout.readline())
        return answer


@asynccontextmanager
async def running(
    module: str, *arguments: str, environment: Mapping[str, str]
) -> AsyncGenerator[BotProcess]:
    """Run a module of Python in a process of its own until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        cwd=ROOT,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield BotProcess(process.pid, process)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()


def prepare_folder(folder: Path, urls: Sequence[str], scale: Scale) -> None:
    """Write what Limner finds in its data folder: the workflow and its backends."""
    write_workflow(folder / "workflows" / WORKFLOW, scale.steps)
    entries = (_BACKEND.format(url=url, concurrency=scale.runs_at_a_time) for url in urls)
    (folder / "backends.toml").write_text("\n".join(entries))


def build_environment(
    token: str, urls: Sequence[str], folder: Path, database_url: str | None
) -> dict[str, str]:
    """The settings, and nothing else of what is set outside."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    settings = {
        "DISCORD_TOKEN": token,
        "COMFYUI_URLS": ",".join(urls),
        "LIMNER_DATA": str(folder),
        "LIMNER_LOG_LEVEL": "error",
    }
    return kept | settings | ({"DATABASE_URL": database_url} if database_url else {})


@contextmanager
def fresh_database(server: PostgresServer) -> Iterator[str]:
    """Make an empty database, and drop it at the end of the block."""
    name = f"benchmark_{uuid.uuid4().hex}"
    server.execute(f"CREATE DATABASE {name}")
    try:
        yield server.url(name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
