"""A program between the stand-ins of Discord and ComfyUI, observed from outside."""

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import process_tree
from benchmarks.postgres import PostgresServer
from benchmarks.processes import ask_report, running_backends
from benchmarks.scale import Scale
from benchmarks.whole_bot.programs import (
    BotProcess,
    Program,
    build_environment,
    fresh_database,
    prepare_folder,
    running,
)
from sandbox.discord_api import DiscordStandIn
from sandbox.discord_api.changes import ChangeNotifier
from sandbox.discord_api.values import JsonObject, Member
from sandbox.people import Person

CHANNEL: Final = "general"
PEOPLE: Final = 250
FIRST_PERSON: Final = 1200000000000000000

START_S: Final = 90.0
PATIENCE_S: Final = 300.0
WARM_UP_S: Final = 15.0
WARM_UPS: Final = 6
"""How often the first generation is tried: a backend may not be known yet."""
_LOOK_AGAIN_S: Final = 0.2
"""Between two looks at what runs."""

SETTLE_S: Final = 3.0
"""A program that has just started is not at rest."""


class Unfinished(Exception):
    """An expected event did not happen in time; the message says which."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a program. `waiting` is how many generations may wait in the guild.

    With `watches_loop` its reports say how late the event loop was.
    """

    scale: Scale
    watches_loop: bool = False
    waiting: int = 50


@dataclass(frozen=True, slots=True)
class Ask:
    """One slash command. `sent_at` is seconds since 1970."""

    job: str
    interaction_id: int
    sent_at: float
    acknowledged_ms: float
    is_acknowledged: bool


@dataclass
class MessageLog:
    """When the messages that answer commands changed, by the command's interaction."""

    world: DiscordStandIn
    picture_bytes: int
    changed_at: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    pictured_at: dict[int, float] = field(default_factory=dict)
    changes: ChangeNotifier = field(default_factory=ChangeNotifier)

    async def follow(self) -> None:
        """Note every change that a moderator sees, until cancelled."""
        with self.world.broadcast.view(self.world.member("mo")) as events:
            while (event := await events.get()) is not None:
                if event["type"] in ("message_create", "message_update"):
                    self._note(event["message"])

    def _note(self, message: JsonObject) -> None:
        interaction_id = int(message.get("interaction_metadata", {}).get("id", 0))
        self.changed_at[interaction_id].append(time.time())
        kept = self.world.messages.get(int(message["id"]))
        # A preview is a file as well.
        if kept and any(len(file.content) >= self.picture_bytes for file in kept.files):
            self.pictured_at.setdefault(interaction_id, time.time())
            self.changes.notify()


@dataclass
class Stage:
    """The running program and stand-ins, and actions of users."""

    program: Program
    world: DiscordStandIn
    urls: Sequence[str]
    processes: Sequence[BotProcess]
    log: MessageLog
    generations: int = 0
    statements_at_rest: float | None = None
    """A second, once that was measured."""

    async def ask(self, person: int, job: str) -> Ask:
        """Send /imagine; the job is its prompt."""
        return await self.send(person, "imagine", job, prompt=job, **self.program.options)

    async def send(self, person: int, command: str, job: str = "", **options: str) -> Ask:
        """Send a slash command and wait for its acknowledgement."""
        sent_at, began_at = time.time(), time.monotonic()
        somebody = Person(self.world, FIRST_PERSON + person)
        reply = await somebody.slash(CHANNEL, command, **options)
        took_ms = (time.monotonic() - began_at) * 1000
        return Ask(job, reply.interaction_id, sent_at, took_ms, reply.failure is None)

    async def wait_for_pictures(self, asks: Collection[Ask], patience_s: float) -> None:
        """Wait until the picture of every acknowledged command is there. Raises Unfinished.

        Discord told the others' people that the application did not respond.
        """
        asks = [ask for ask in asks if ask.is_acknowledged]
        missing = {ask.interaction_id for ask in asks}

        def are_there() -> bool:
            missing.difference_update(self.log.pictured_at)
            return not missing

        try:
            await self.log.changes.wait_for(are_there, patience_s)
        except TimeoutError:
            raise Unfinished(
                f"{self.program.label}: {len(missing)} of {len(asks)} pictures did not come."
            ) from None
        self.generations += len(asks)

    async def wait_for_starts(self, asks: Collection[Ask], patience_s: float) -> None:
        """Wait until every acknowledged command's graph runs. Raises Unfinished."""
        jobs = {ask.job for ask in asks if ask.is_acknowledged}
        ends_at = time.monotonic() + patience_s
        while missing := jobs - (await self.moments("started_at")).keys():
            if time.monotonic() > ends_at:
                raise Unfinished(
                    f"{self.program.label}: {len(missing)} of {len(jobs)} did not start."
                )
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def moments(self, name: str) -> Mapping[str, float]:
        """What the backends noted of each job: `started_at` or `success_at`, since 1970."""
        reports = await asyncio.gather(*(asyncio.to_thread(ask_report, url) for url in self.urls))
        return {job: at for report in reports for job, at in report[name].items()}

    def cpu_seconds(self) -> float:
        """What the program's processes used so far."""
        return process_tree.cpu_seconds(process.pid for process in self.processes)

    def resident_mb(self) -> float:
        """What is resident of the program's processes."""
        return process_tree.resident_mb(process.pid for process in self.processes)

    async def reports(self) -> list[Mapping[str, Any]]:
        """What the processes say of themselves; the floor's says nothing."""
        if self.program is Program.FLOOR:
            return []
        return [await process.report() for process in self.processes]

    async def statements(self) -> int:
        """SQL statements so far."""
        return sum(report["statements"] for report in await self.reports())


@asynccontextmanager
async def open_stage(
    program: Program, setting: Setting, postgres: PostgresServer | None
) -> AsyncGenerator[Stage]:
    """Start everything, and let one generation come to its end. Raises Unfinished.

    One that takes long has only begun to run.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="limner-benchmark-")))
        urls = stack.enter_context(running_backends(setting.scale))
        world = await stack.enter_async_context(DiscordStandIn())
        _add_people(world)
        database_url = None
        if program.needs_postgresql and postgres is not None:
            database_url = stack.enter_context(fresh_database(postgres))
        prepare_folder(folder, urls, setting.scale)
        environment = build_environment(world.token, urls, folder, database_url)
        processes = [
            await stack.enter_async_context(running(module, *arguments, environment=environment))
            for module, *arguments in _commands(program, setting, world)
        ]
        log = MessageLog(world, int(setting.scale.result_mb * 1e6 / 2))
        following = asyncio.create_task(log.follow())
        stack.callback(following.cancel)
        stage = Stage(program, world, urls, processes, log)
        await _get_ready(stage, setting)
        yield stage


def _commands(program: Program, setting: Setting, world: DiscordStandIn) -> list[tuple[str, ...]]:
    address = (world.address.api_base, world.address.gateway_url)
    if program is Program.FLOOR:
        return [("benchmarks.whole_bot.floor_bot", *address, str(setting.scale.steps))]
    options = ("--watch-loop",) if setting.watches_loop else ()
    module = "benchmarks.whole_bot.observed"
    return [(module, *options, *address, role) for role in program.roles]


def _add_people(world: DiscordStandIn) -> None:
    for number in range(PEOPLE):
        member_id, name = FIRST_PERSON + number, f"person{number}"
        world.directory.members[member_id] = Member(member_id, name, name, (), "#3b7dd8")


async def _get_ready(stage: Stage, setting: Setting) -> None:
    try:
        await stage.world.wait_until_connected(START_S)
        await stage.world.wait_for(stage.world.commands.everything, START_S)
    except TimeoutError:
        raise Unfinished(f"{stage.program.label} did not start.") from None
    if stage.program is not Program.FLOOR:
        await _lift_limits(stage, setting.waiting)
    length_s = setting.scale.steps * setting.scale.step_ms / 1000
    for number in range(WARM_UPS):
        ask = await stage.ask(0, f"warm-up-{number}")
        try:
            if length_s > WARM_UP_S:
                await stage.wait_for_starts([ask], WARM_UP_S)
            else:
                await stage.wait_for_pictures([ask], WARM_UP_S)
            break
        except Unfinished:
            continue
    else:
        raise Unfinished(f"{stage.program.label} does not make any picture.")
    await asyncio.sleep(SETTLE_S)


async def _lift_limits(stage: Stage, waiting: int) -> None:
    """Lift the cooldown and the daily limit."""
    limits = {"cooldown": 0, "allowance": 100_000, "waiting": 100, "line": waiting}
    reply = await Person(stage.world, "ada").slash(CHANNEL, "limner limits", **limits)
    await reply.until(lambda _: not reply.is_thinking, START_S)
