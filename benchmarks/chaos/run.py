"""One run: stand-ins and bot processes, simulated users, faults, settling, and the audit."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import update

from benchmarks.chaos.audit import Finding, audit
from benchmarks.chaos.evidence import (
    Evidence,
    read_executions,
    read_generations,
    read_messages,
)
from benchmarks.chaos.faults import FaultInjector
from benchmarks.chaos.processes import BotProcesses
from benchmarks.chaos.relay import Relay
from benchmarks.chaos.users import MODERATORS, REVIEWED_CHANNEL, SimulatedUsers
from db import migrations
from db.database import Database, Session
from db.repositories.guilds import GuildRepository
from db.repositories.moderation.guild_moderation import GuildModerationRepository
from db.repositories.moderation.reviews import ReviewRepository
from db.tables import ReviewRow
from db.urls import libpq_url
from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_api import DiscordStandIn

BACKENDS = 2
STEP_SECONDS = 0.08
LOOK_S = 0.5
"""Seconds between two checks whether all generations have ended."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Parameters of a run. The same seed draws the same actions and faults; their timing varies.

    A `folder` that is a file system of its own, such as a small tmpfs, is filled now and then.

    Once nothing goes wrong any more, one more generation has to end every `patience_s`. Backends
    draw pictures of at most `largest_drawing` pixels a side, if given: that takes less CPU.
    """

    folder: Path
    kills: int
    seed: int
    database_url: str | None = None
    roles: tuple[str, ...] = ("all",)
    patience_s: float = 300.0
    largest_drawing: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Counts and findings of a run."""

    seconds: float
    settled_s: float
    starts: int
    actions: Counter[str]
    faults: Counter[str]
    states: Counter[str]
    executions: int
    crashes: Counter[str]
    findings: tuple[Finding, ...]


async def play(plan: Plan) -> Report:
    """Perform a run. Raises OSError when a port or the folder cannot be used."""
    chance = random.Random(plan.seed)  # noqa: S311 - a run is to be repeatable
    began_at = time.monotonic()
    url = plan.database_url or f"sqlite:///{plan.folder / 'limner.db'}"
    await migrations.upgrade(url)
    async with _open(plan, url, chance) as setup:
        users = SimulatedUsers(setup.world, chance)
        setup.faults.rush = users.rush
        acting = asyncio.create_task(users.act_for_ever(), name="users")
        moderating = asyncio.create_task(users.moderate_for_ever(), name="moderator")
        try:
            await setup.world.wait_until_connected(plan.patience_s)
            await setup.faults.make(plan.kills)
        finally:
            acting.cancel()
            await asyncio.wait({acting})
        settling_at = time.monotonic()
        users.undo_decisions = False
        try:
            await _settle(url, setup.world, plan.patience_s)
        finally:
            moderating.cancel()
            await asyncio.wait({moderating})
        settled_s = time.monotonic() - settling_at
        messages, cards = read_messages(setup.world)
        evidence = Evidence(
            read_generations(url),
            messages,
            read_executions(setup.backends, setup.faults.lives),
            cards,
            frozenset(setup.faults.disturbed),
            setup.processes.given_up(),
        )
        findings = audit(evidence) + tuple(
            Finding("-", "end", f"A second process was not refused: {output}")
            for output in setup.faults.unrefused
        )
        findings += tuple(
            Finding("-", "end", f"A process ended {seconds:.0f} s after SIGTERM.")
            for seconds in setup.faults.overdue
        )
        return Report(
            seconds=time.monotonic() - began_at,
            settled_s=settled_s,
            starts=setup.processes.starts,
            actions=users.actions,
            faults=setup.faults.made,
            states=Counter(generation.state for generation in evidence.generations),
            executions=len(evidence.executions),
            crashes=Counter(setup.processes.crashes()),
            findings=findings,
        )


@dataclass(frozen=True, slots=True)
class _Setup:
    world: DiscordStandIn
    backends: Sequence[ComfyUIStandIn]
    processes: BotProcesses
    faults: FaultInjector


@asynccontextmanager
async def _open(plan: Plan, url: str, chance: random.Random) -> AsyncGenerator[_Setup]:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(DiscordStandIn())
        await _set_up_guild(url, world)
        backends = [
            await stack.enter_async_context(
                ComfyUIStandIn(
                    step_seconds=STEP_SECONDS,
                    load_seconds=0.05,
                    largest_drawing=plan.largest_drawing,
                )
            )
            for _ in range(BACKENDS)
        ]
        relays = [await stack.enter_async_context(Relay(backend.port)) for backend in backends]
        environment = {
            "DISCORD_TOKEN": world.token,
            "COMFYUI_URLS": ",".join(f"http://127.0.0.1:{relay.port}" for relay in relays),
            "LIMNER_DATA": str(plan.folder),
            # Pictures are posted with the bytes that were recorded, and can be compared.
            "LIMNER_CREDENTIALS": "off",
        }
        database_relay = None
        if libpq_url(url) is not None:
            port = urlsplit(url).port or 5432
            database_relay = await stack.enter_async_context(Relay(port))
            environment["DATABASE_URL"] = url.replace(f":{port}/", f":{database_relay.port}/")
        processes = await stack.enter_async_context(
            BotProcesses(
                plan.roles,
                (world.address.api_base, world.address.gateway_url),
                environment,
                plan.folder,
            )
        )
        yield _Setup(
            world,
            backends,
            processes,
            FaultInjector(
                world=world,
                backends=backends,
                backend_relays=relays,
                database_relay=database_relay,
                sqlite_path=None if database_relay else str(plan.folder / "limner.db"),
                small_disk=plan.folder if plan.folder.is_mount() else None,
                processes=processes,
                chance=chance,
            ),
        )


async def _set_up_guild(url: str, world: DiscordStandIn) -> None:
    """Lift the limits, as the simulated users act without pauses, and review one channel."""
    guild_id = world.guild_id
    database = Database(url)
    try:

        def change(session: Session) -> None:
            guilds = GuildRepository(session)
            guilds.get_or_create(guild_id, now=datetime.now(UTC))
            guilds.update(guild_id, cooldown_s=0, pictures=100_000, max_waiting=6, max_running=2)
            reviewed = world.channel(REVIEWED_CHANNEL).id
            ReviewRepository(session).set_mode(guild_id, reviewed, "hold")
            moderators = world.channel(MODERATORS).id
            GuildModerationRepository(session).put(guild_id, log_channel_id=moderators)

        await database.write(change)
    finally:
        await database.close()


async def _let_undo_time_pass(url: str) -> None:
    """Make every decision final; the line carries it out when it looks next."""
    database = Database(url)
    try:

        def change(session: Session) -> None:
            can_be_undone = ReviewRow.undo_until.is_not(None)
            now = datetime.now(UTC)
            session.execute(update(ReviewRow).where(can_be_undone).values(undo_until=now))

        await database.write(change)
    finally:
        await database.close()


async def _settle(url: str, world: DiscordStandIn, patience_s: float) -> None:
    """Wait until every generation has ended and was delivered, and every decision is shown.

    Give up if nothing changes for `patience_s`. Decisions are made final meanwhile.
    """
    left, moved_at = -1, time.monotonic()
    while left and time.monotonic() < moved_at + patience_s:
        await asyncio.sleep(LOOK_S)
        await _let_undo_time_pass(url)
        generations = await asyncio.to_thread(read_generations, url)
        _, cards = read_messages(world)
        before, left = left, sum(not generation.has_ended for generation in generations)
        # Messages are edited after the delivery, at the pace that Discord allows.
        left += sum(bool(card.decisions) for card in cards)
        if left != before:
            moved_at = time.monotonic()
