"""The measurements: each function takes a running program and returns named figures."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final, TypeAlias

from benchmarks.measurement import quantile
from benchmarks.scale import Scale
from benchmarks.whole_bot.programs import Program
from benchmarks.whole_bot.stage import PATIENCE_S, SETTLE_S, Ask, Setting, Stage

Figures: TypeAlias = Mapping[str, float]

ALONE: Final = 10
"""Generations that are made one after the other, each on an idle bot."""
PAUSE_S: Final = 0.3
"""Before the next of them, so that what is done after the picture came does not delay it."""

OWN: Final = 4
"""What one person asks for at once: one runs, three wait."""
OWN_SERIES: Final = 2

TOGETHER: Final = 24
MANY: Final = 100
MANY_S: Final = 1.0
"""In which so many people send their command."""
DEADLINE_MS: Final = 3000.0
"""After which Discord tells the person that the application did not respond."""

GENERATIONS: Final = 50
"""After which memory is looked at."""

IDLE_S: Final = 10.0

RUNNING: Final = 200
RUNNING_PAUSE_S: Final = 0.025
"""Between two of their commands: nobody measures here how they are acknowledged."""
RUNNING_WARM_UP_S: Final = 5.0
"""After the last start: until then, some have made no step that could be shown."""

RUNNING_WATCH_S: Final = 10.0
"""Every message is edited five times meanwhile, all of them a thousand times."""
RUNNING_ASK_S: Final = 0.3
"""Between two other commands that are sent while all of them run."""

_FIRST = {"alone": 0, "own": 20, "together": 30, "memory": 60, "many": 100, "running": 1}
"""The first person of each measure: nobody asks in two of them."""
_BYSTANDER = 240

_ONE = Setting(Scale(steps=20, step_ms=50.0))
_FOUR = Setting(Scale(steps=20, step_ms=50.0, backends=4))
# A backend of Limner's takes 16 graphs at most.
_WIDE = Setting(
    Scale(steps=40, step_ms=1000.0, backends=13, runs_at_a_time=16), watches_loop=True, waiting=1000
)


async def measure_idle(stage: Stage) -> Figures:
    """CPU use of an idle program, in percent of a core, and its SQL statements a second."""
    statements = await stage.statements()
    percent = await _idle_percent(stage)
    stage.statements_at_rest = (await stage.statements() - statements) / IDLE_S
    return {"idle_percent": percent, "statements_at_rest": stage.statements_at_rest}


async def measure_idle_with_four(stage: Stage) -> Figures:
    """The same with four backends."""
    return {"idle_four_percent": await _idle_percent(stage)}


async def measure_alone(stage: Stage) -> Figures:
    """One generation after the other, each of another person; statements beyond those at rest."""
    asks: list[Ask] = []
    statements, began_at = await stage.statements(), time.monotonic()
    cpu_at = stage.cpu_seconds()
    for number in range(ALONE):
        ask = await stage.ask(_FIRST["alone"] + number, f"alone-{number}")
        await stage.wait_for_pictures([ask], PATIENCE_S)
        if ask.is_acknowledged:
            asks.append(ask)
        await asyncio.sleep(PAUSE_S)
    cpu_s = stage.cpu_seconds() - cpu_at
    statements = await stage.statements() - statements
    passed_s = time.monotonic() - began_at
    started_at, success_at = await stage.moments("started_at"), await stage.moments("success_at")
    starts = [(started_at[ask.job] - ask.sent_at) * 1000 for ask in asks]
    ends = [
        (stage.log.pictured_at[ask.interaction_id] - success_at[ask.job]) * 1000 for ask in asks
    ]
    beyond_rest = {}
    if stage.statements_at_rest is not None:
        beyond_rest["statements"] = (statements - stage.statements_at_rest * passed_s) / ALONE
    return beyond_rest | {
        "start_p50_ms": quantile(starts, 0.5),
        "start_p95_ms": quantile(starts, 0.95),
        "picture_p50_ms": quantile(ends, 0.5),
        "picture_p95_ms": quantile(ends, 0.95),
        "cpu_alone_ms": cpu_s * 1000 / max(len(asks), 1),
    }


async def measure_own(stage: Stage) -> Figures:
    """Idle time of the GPU between the generations that one person requested at once."""
    rests = []
    for series in range(OWN_SERIES):
        person, jobs = _FIRST["own"] + series, [f"own-{series}-{n}" for n in range(OWN)]
        # Nobody types faster, and the first is to be the first.
        asks = [await stage.ask(person, job) for job in jobs]
        await stage.wait_for_pictures(asks, PATIENCE_S)
        started_at = await stage.moments("started_at")
        success_at = await stage.moments("success_at")
        order = sorted(set(jobs) & success_at.keys(), key=started_at.__getitem__)
        rests += [
            (started_at[then] - success_at[before]) * 1000 for before, then in pairwise(order)
        ]
    return {"rest_ms": median(rests)}


async def measure_together(stage: Stage) -> Figures:
    """Twenty-four people at once."""
    cpu_at = stage.cpu_seconds()
    asks = await _ask_all(stage, _FIRST["together"], TOGETHER, "together", pause_s=0)
    made_before = stage.generations
    await stage.wait_for_pictures(asks, PATIENCE_S)
    await asyncio.sleep(PAUSE_S)
    made = stage.generations - made_before
    return {
        "together_worst_ms": max(ask.acknowledged_ms for ask in asks),
        "together_late": TOGETHER - made,
        "cpu_together_ms": (stage.cpu_seconds() - cpu_at) * 1000 / max(made, 1),
    }


async def measure_memory(stage: Stage) -> Figures:
    """Resident memory after fifty generations."""
    missing = max(GENERATIONS - stage.generations, 0)
    asks = await _ask_all(stage, _FIRST["memory"], missing, "memory", pause_s=0)
    await stage.wait_for_pictures(asks, PATIENCE_S)
    await asyncio.sleep(SETTLE_S)
    return {"memory_mb": stage.resident_mb()}


async def measure_many(stage: Stage) -> Figures:
    """Acknowledgement of a hundred people's commands within one second, without their results."""
    asks = await _ask_all(stage, _FIRST["many"], MANY, "many", pause_s=MANY_S / MANY)
    delays = [ask.acknowledged_ms for ask in asks]
    late = [ask for ask in asks if not ask.is_acknowledged or ask.acknowledged_ms > DEADLINE_MS]
    return {"many_p95_ms": quantile(delays, 0.95), "many_late": len(late)}


async def measure_running(stage: Stage) -> Figures:
    """Response time and age of shown progress while two hundred generations run at once."""
    asks = await _ask_all(stage, _FIRST["running"], RUNNING, "running", pause_s=RUNNING_PAUSE_S)
    await stage.wait_for_starts(asks, PATIENCE_S)
    await asyncio.sleep(RUNNING_WARM_UP_S)
    await stage.reports()
    loop = asyncio.get_running_loop()
    delays: list[float] = []
    began_at = loop.time()
    while (passed_s := loop.time() - began_at) < RUNNING_WATCH_S:
        other = await stage.send(_BYSTANDER, "quota")
        delays.append(other.acknowledged_ms)
        await asyncio.sleep(RUNNING_ASK_S)
    ages = _ages(stage, asks, passed_s)
    reports = await stage.reports()
    return {
        "running_429": float(stage.world.rate_limit_hits),
        "progress_age_p50_s": quantile(ages, 0.5),
        "progress_age_worst_s": max(ages, default=math.nan),
        "running_ack_p95_ms": quantile(delays, 0.95),
        "loop_p99_ms": max(float(report["loop_p99_ms"]) for report in reports),
    }


Measure: TypeAlias = Callable[[Stage], Awaitable[Figures]]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one word of `--cells` measures, and between what.

    Where nothing is compared with the floor, it need not be measured.
    """

    setting: Setting
    measures: tuple[Measure, ...]
    is_compared: bool = True


# In this order they are measured: what is last leaves work behind.
CELLS: Mapping[str, Cell] = {
    "idle": Cell(_ONE, (measure_idle,), is_compared=False),
    "statements": Cell(_ONE, (measure_idle, measure_alone), is_compared=False),
    "start": Cell(_ONE, (measure_alone,)),
    "picture": Cell(_ONE, (measure_alone,)),
    "rest": Cell(_ONE, (measure_own,), is_compared=False),
    "cpu": Cell(_ONE, (measure_alone, measure_together)),
    "together": Cell(_ONE, (measure_together,)),
    "memory": Cell(_ONE, (measure_memory,), is_compared=False),
    "many": Cell(_ONE, (measure_many,)),
    "idle-four": Cell(_FOUR, (measure_idle_with_four,), is_compared=False),
    "running": Cell(_WIDE, (measure_running,), is_compared=False),
}


def plan(names: Sequence[str], program: Program) -> dict[Setting, list[Measure]]:
    """What is to be done for these cells, in order, by what surrounds the program."""
    todo: dict[Setting, list[Measure]] = {}
    for name, cell in CELLS.items():
        if name in names and (cell.is_compared or program is not Program.FLOOR):
            measures = todo.setdefault(cell.setting, [])
            measures += [measure for measure in cell.measures if measure not in measures]
    return todo


async def _ask_all(stage: Stage, first: int, count: int, name: str, *, pause_s: float) -> list[Ask]:
    async def ask(number: int) -> Ask:
        await asyncio.sleep(number * pause_s)
        return await stage.ask(first + number, f"{name}-{number}")

    return await asyncio.gather(*(ask(number) for number in range(count)))


async def _idle_percent(stage: Stage) -> float:
    before = stage.cpu_seconds()
    await asyncio.sleep(IDLE_S)
    return (stage.cpu_seconds() - before) / IDLE_S * 100


def _ages(stage: Stage, asks: Sequence[Ask], window_s: float) -> list[float]:
    """Maximum age of each message's shown progress over the last seconds."""
    now = time.time()
    ages = []
    for ask in asks:
        if not ask.is_acknowledged:
            continue
        # What nobody has been shown yet is as old as the command.
        changes = [ask.sent_at, *stage.log.changed_at[ask.interaction_id]]
        moments = [at for at in changes if at > now - window_s]
        earlier = [at for at in changes if at <= now - window_s][-1:]
        ages.append(max(then - at for at, then in pairwise([*earlier, *moments, now])))
    return ages
