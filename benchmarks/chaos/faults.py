"""Fault injection: one random fault at a time."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from benchmarks.chaos.processes import BotProcesses
from benchmarks.chaos.relay import Relay
from benchmarks.chaos.users import MODERATORS
from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_api.server import DiscordStandIn
from sandbox.scenarios import NodeFails, OutOfMemory

KILL = "kill -9"
LONGEST_CALM_S = 2.0
"""Seconds between two faults."""

LONGEST_CUT_S = 4.0
"""Of a connection."""

LONGEST_LOCK_S = 7.0
"""Of the SQLite file by somebody else: longer than a writer waits."""

FREEZE_S = 60.0
"""Of a process, by SIGSTOP: longer than a dead peer is waited for."""

SLOW_POST_S = 5.0
"""Duration of a slow post to the moderators' channel: longer than a moderator takes to decide."""

LONGEST_END_S = 10.0
"""After SIGTERM, with the next start's pause."""

REFUSAL = "Another Limner is already running"


class FaultInjector:
    """Injects faults until enough processes were killed; `mend` ends lasting ones."""

    def __init__(
        self,
        *,
        world: DiscordStandIn,
        backends: Sequence[ComfyUIStandIn],
        backend_relays: Sequence[Relay],
        database_relay: Relay | None,
        sqlite_path: str | None,
        small_disk: Path | None,
        processes: BotProcesses,
        chance: random.Random,
    ) -> None:
        self._world = world
        self._backends = tuple(backends)
        self._backend_relays = tuple(backend_relays)
        self._database_relay = database_relay
        self._sqlite_path = sqlite_path
        self._small_disk = small_disk
        self._processes = processes
        self._chance = chance
        self.made: Counter[str] = Counter()
        self.lives: tuple[list[int], ...] = tuple([] for _ in backends)
        self.disturbed: set[int] = set()
        self.unrefused: list[str] = []
        self.overdue: list[float] = []
        self.rush: Callable[[], Coroutine[Any, Any, None]] = _no_rush
        self._kinds: Mapping[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            KILL: (24, self._kill),
            "SIGTERM": (3, self._terminate),
            "ComfyUI restarted": (3, self._restart_backend),
            "ComfyUI cut off": (3, self._cut_backend),
            "sockets to ComfyUI cut": (2, self._cut_sockets),
            "a run fails": (4, self._fail_run),
            "Discord answers 503": (3, self._refuse_requests),
            "Discord answers 429": (1, self._limit_requests),
            "an answer of Discord lost": (2, self._lose_answers),
            "gateway dropped": (2, self._drop_gateway),
            "moderators' channel slow": (3, self._slow_down_reviews),
            "database away": (2, self._take_database),
        }
        if len(processes.roles) > 1:
            self._kinds = {**self._kinds, "SIGSTOP": (1, self._freeze)}
        if small_disk is not None:
            self._kinds = {**self._kinds, "disk full": (2, self._fill_disk)}
        if sqlite_path is not None:
            self._kinds = {**self._kinds, "second process": (1, self._start_second)}

    async def make(self, kills: int) -> None:
        """Inject faults until this many processes were killed."""
        names = list(self._kinds)
        weights = [self._kinds[name][0] for name in names]
        while self.made[KILL] < kills:
            await asyncio.sleep(self._chance.uniform(0, LONGEST_CALM_S))
            name = self._chance.choices(names, weights)[0]
            if name == KILL and not self._processes.living:
                continue
            await self._kinds[name][1]()
            self.made[name] += 1

    async def _kill(self) -> None:
        slot = self._chance.choice(self._processes.living)
        # Half of them while it works, the others at any moment of its start too.
        if self._chance.random() < 0.5:  # noqa: PLR2004 - half
            await self._settle_down()
        self._processes.kill(slot)

    async def _settle_down(self) -> None:
        """Wait a while for a bot to be connected, and a moment of any length more."""
        try:
            await self._world.wait_until_connected(20)
        except TimeoutError:
            return
        await asyncio.sleep(self._chance.uniform(0.2, 3))

    async def _terminate(self) -> None:
        """All users send requests at a high rate meanwhile."""
        if self._processes.living:
            slot = self._chance.choice(self._processes.living)
            rushing = asyncio.create_task(self.rush(), name="rush")
            await asyncio.sleep(self._chance.uniform(0, LONGEST_CALM_S))
            took_s = await self._processes.terminate(slot)
            rushing.cancel()
            await asyncio.wait({rushing})
            if took_s > LONGEST_END_S:
                self.overdue.append(took_s)

    async def _freeze(self) -> None:
        """Freeze a process for longer than its peers wait for a sign of life, then resume it."""
        if len(self._processes.living) > 1:
            slot = self._chance.choice(self._processes.living)
            self._processes.freeze(slot)
            await asyncio.sleep(FREEZE_S)
            self._processes.thaw(slot)

    async def _fill_disk(self) -> None:
        assert self._small_disk is not None  # noqa: S101 - it is none of the kinds without
        ballast = self._small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        await asyncio.sleep(self._chance.uniform(0.5, LONGEST_LOCK_S))
        ballast.unlink()

    async def _restart_backend(self) -> None:
        number = self._chance.randrange(len(self._backends))
        self.disturbed.add(number)
        backend = self._backends[number]
        await backend.stop()
        self.lives[number].append(len(backend.log.executions))
        await asyncio.sleep(self._chance.uniform(0, LONGEST_CUT_S))
        await backend.start()

    async def _cut_backend(self) -> None:
        number = self._chance.randrange(len(self._backends))
        self.disturbed.add(number)
        await self._cut(self._backend_relays[number])

    async def _cut(self, relay: Relay) -> None:
        relay.cut()
        await asyncio.sleep(self._chance.uniform(0.1, LONGEST_CUT_S))
        relay.mend()

    async def _cut_sockets(self) -> None:
        self._chance.choice(self._backends).kill_sockets()

    async def _fail_run(self) -> None:
        fault = self._chance.choice((NodeFails(class_type="KSampler"), OutOfMemory()))
        self._chance.choice(self._backends).faults.add(fault)

    async def _refuse_requests(self) -> None:
        self._world.fail_next("*", "webhooks|messages", 503, times=self._chance.randint(1, 12))

    async def _limit_requests(self) -> None:
        self._world.fail_next("*", "webhooks|messages", 429, times=self._chance.randint(1, 3))

    async def _lose_answers(self) -> None:
        self._world.lose_next_answer("*", "webhooks|messages", times=self._chance.randint(1, 3))

    async def _slow_down_reviews(self) -> None:
        """Moderators can decide by command while the message to their channel is under way."""
        path = f"/channels/{self._world.channel(MODERATORS).id}/messages$"
        self._world.delay_next("POST", path, SLOW_POST_S, times=self._chance.randint(1, 3))

    async def _drop_gateway(self) -> None:
        await self._world.gateway.drop()

    async def _take_database(self) -> None:
        if self._database_relay is not None:
            await self._cut(self._database_relay)
        elif self._sqlite_path is not None:
            held_s = self._chance.uniform(0.5, LONGEST_LOCK_S)
            with closing(sqlite3.connect(self._sqlite_path, isolation_level=None)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    return
                await asyncio.sleep(held_s)
                other.execute("ROLLBACK")

    async def _start_second(self) -> None:
        """A second process beside a running one has to be refused."""
        if not await self._is_settled():
            return
        before = self._processes.starts, self._processes.living
        status, sentence = await self._processes.start_by_mistake()
        if before != (self._processes.starts, self._processes.living):
            # The first had ended meanwhile, and the second may well have taken its place.
            return
        if status != 1 or REFUSAL not in sentence:
            self.unrefused.append(f"status {status}: {sentence}")

    async def _is_settled(self) -> bool:
        try:
            await self._world.wait_until_connected(20)
        except TimeoutError:
            return False
        return True


async def _no_rush() -> None:
    """No process is up yet that could receive requests."""
