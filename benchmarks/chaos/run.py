"""One run: a house of stand-ins and processes, a crowd, troubles, peace, and the audit."""

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

from benchmarks.chaos.audit import Finding, audit
from benchmarks.chaos.crowd import Crowd
from benchmarks.chaos.evidence import (
    Evidence,
    read_executions,
    read_generations,
    read_messages,
)
from benchmarks.chaos.processes import BotProcesses
from benchmarks.chaos.relay import Relay
from benchmarks.chaos.troubles import Troubles
from db import migrations
from db.database import Database, Session, libpq_url
from db.repositories.guilds import GuildRepository
from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_api import DiscordStandIn

BACKENDS = 2
STEP_SECONDS = 0.08
LOOK_S = 0.5
"""Between two looks whether all generations have ended."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does. The same seed draws the same acts and troubles; their moments vary.

    A `folder` that is a file system of its own, such as a small tmpfs, is filled now and then.

    `patience_s` is how long every generation may take to end once nothing goes wrong any more.
    """

    folder: Path
    kills: int
    seed: int
    database_url: str | None = None
    roles: tuple[str, ...] = ("all",)
    patience_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Report:
    """What happened, and what was wrong with it."""

    seconds: float
    settled_s: float
    starts: int
    acts: Counter[str]
    troubles: Counter[str]
    states: Counter[str]
    executions: int
    crashes: Counter[str]
    findings: tuple[Finding, ...]


async def play(plan: Plan) -> Report:
    """Play it. Raises OSError when a port or the folder cannot be used."""
    chance = random.Random(plan.seed)  # noqa: S311 - a run is to be repeatable
    began_at = time.monotonic()
    url = plan.database_url or f"sqlite:///{plan.folder / 'limner.db'}"
    await migrations.upgrade(url)
    async with _open(plan, url, chance) as house:
        crowd = Crowd(house.world, chance)
        house.troubles.rush = crowd.rush
        acting = asyncio.create_task(crowd.act_for_ever(), name="crowd")
        try:
            await house.world.wait_until_connected(60)
            await house.troubles.make(plan.kills)
        finally:
            acting.cancel()
            await asyncio.wait({acting})
        settling_at = time.monotonic()
        await _settle(url, plan.patience_s)
        settled_s = time.monotonic() - settling_at
        evidence = Evidence(
            read_generations(url),
            read_messages(house.world),
            read_executions(house.backends, house.troubles.lives),
            frozenset(house.troubles.troubled),
        )
        findings = audit(evidence) + tuple(
            Finding("-", "end", f"A second process was not refused: {one}")
            for one in house.troubles.unrefused
        )
        findings += tuple(
            Finding("-", "end", f"A process ended {seconds:.0f} s after SIGTERM.")
            for seconds in house.troubles.overdue
        )
        return Report(
            seconds=time.monotonic() - began_at,
            settled_s=settled_s,
            starts=house.processes.starts,
            acts=crowd.acts,
            troubles=house.troubles.made,
            states=Counter(one.state for one in evidence.generations),
            executions=len(evidence.executions),
            crashes=Counter(house.processes.crashes()),
            findings=findings,
        )


@dataclass(frozen=True, slots=True)
class _House:
    world: DiscordStandIn
    backends: Sequence[ComfyUIStandIn]
    processes: BotProcesses
    troubles: Troubles


@asynccontextmanager
async def _open(plan: Plan, url: str, chance: random.Random) -> AsyncGenerator[_House]:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(DiscordStandIn())
        await _lift_limits(url, world.guild_id)
        backends = [
            await stack.enter_async_context(
                ComfyUIStandIn(step_seconds=STEP_SECONDS, load_seconds=0.05)
            )
            for _ in range(BACKENDS)
        ]
        relays = [await stack.enter_async_context(Relay(one.port)) for one in backends]
        environment = {
            "DISCORD_TOKEN": world.token,
            "COMFYUI_URLS": ",".join(f"http://127.0.0.1:{one.port}" for one in relays),
            "LIMNER_DATA": str(plan.folder),
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
        yield _House(
            world,
            backends,
            processes,
            Troubles(
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


async def _lift_limits(url: str, guild_id: int) -> None:
    """A crowd that acts without a pause is the point."""
    database = Database(url)
    try:

        def change(session: Session) -> None:
            guilds = GuildRepository(session)
            guilds.get_or_create(guild_id, now=datetime.now(UTC))
            guilds.update(guild_id, cooldown_s=0, pictures=100_000, max_waiting=6, max_running=2)

        await database.write(change)
    finally:
        await database.close()


async def _settle(url: str, patience_s: float) -> None:
    """Wait until every generation has ended and was told, or patience does."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        generations = await asyncio.to_thread(read_generations, url)
        if all(one.has_ended for one in generations):
            return
        await asyncio.sleep(LOOK_S)
