"""Capacity model: `python -m benchmarks.scaling` (see docs/scaling.md).

Simulates what generations pass through, as queues with the measured costs: it reproduces cells of
`benchmarks.whole_bot`, and says what each installation uses of what it has and what is full first.
"""

import argparse
import heapq
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.measurement import quantile

SEED: Final = 7
SIMULATED_S: Final = 600.0

DISCORD_REQUESTS_A_SECOND: Final = 50.0
"""Of one bot; answers to interactions and edits by their tokens are exempt. See
https://docs.discord.com/developers/topics/rate-limits#global-rate-limit"""

GUILDS_A_SHARD: Final = 1000
"""What Discord recommends; from 2,500 guilds on it demands shards."""
IDENTIFIES_A_DAY: Final = 1000
IDENTIFY_S: Final = 5.0
"""Between two identifies of a bot without a larger `max_concurrency`."""

COMFORTABLE: Final = 0.6
"""Share of the time that anything may be busy: queues grow steeply above."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds of one core: CPU time of the processes of `benchmarks.whole_bot`."""

    acknowledge_ms: float = 4.0
    """From the gateway to the acknowledgement, rules from memory."""
    accept_ms: float = 11.0
    """Recording it, and the gateway's events about the reply meanwhile."""
    run_ms: float = 33.0
    """Starting, following 20 steps, fetching and describing a picture of 1.5 MB."""
    tell_ms: float = 13.0
    edit_ms: float = 2.5
    """One progress edit; they are `edit_every_s` apart."""
    database_ms: float = 23.0
    """PostgreSQL's own, for 31 statements and 1.5 MB."""
    turn_ms: float = 0.15
    """One decision of the process that gives turns …"""
    turn_ms_waiting: float = 0.0035
    """… and what each waiting generation adds to it."""
    edit_every_s: float = 2.0
    rest_ms: float = 22.0
    """Between two runs on a GPU."""
    megabytes: float = 1.5
    bot_requests: float = 0.1
    """Requests of a generation that count for Discord's global limit: files below the reply, edits
    after the token's 15 minutes, moderators' messages."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Processes and machines. Without workers, the bot's one process does everything."""

    name: str
    guilds: int
    gpus: int
    bots: int = 1
    workers: int = 0
    database_cores: int = 1
    core_speed: float = 1.0
    """Against the cores that were measured; a Raspberry Pi 4 has about a quarter."""
    generations_a_day: float = 40.0
    """Of one guild; a fifth of them in the busiest hour."""
    run_s: float = 15.0

    @property
    def rate(self) -> float:
        """Generations a second in the busiest hour."""
        return self.guilds * self.generations_a_day * 0.2 / 3600


STEPS: Final = (
    Installation("Raspberry Pi, SQLite", 1, 1, core_speed=0.25),
    Installation("one process, SQLite", 50, 4),
    Installation("one process, PostgreSQL", 500, 30),
    Installation("bot and workers", 2_500, 150, workers=1),
    Installation("many machines", 10_000, 1_000, workers=1),
    Installation(
        "many machines, models of 1 s",
        10_000,
        1_000,
        workers=1,
        run_s=1.0,
        generations_a_day=1000.0,
    ),
)


def main() -> None:
    """Print what the model says of measured cells, and of each step."""
    argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__).parse_args()
    costs = Costs()
    for line in (*describe_cells(costs), "", *describe_steps(costs)):
        print(line)  # noqa: T201 - the program's output


def describe_cells(costs: Costs) -> Iterator[str]:
    """What the model says of cells that `benchmarks.whole_bot` measures in one process."""
    yield "| cell | the model |"
    yield "| --- | --- |"
    together = acknowledge([0.0] * 24, costs)
    yield f"| 24 people at once: slowest acknowledgement, ms | {max(together):.0f} |"
    many = acknowledge([number / 100 for number in range(100)], costs)
    yield f"| 100 people in one second: acknowledgement p95, ms | {quantile(many, 0.95):.0f} |"
    alone = costs.acknowledge_ms + costs.accept_ms + costs.run_ms + costs.tell_ms
    yield f"| CPU a generation, alone, ms | {alone:.0f} |"
    yield f"| generations a second of one process, at most | {1000 / alone:.0f} |"


def describe_steps(costs: Costs) -> Iterator[str]:
    """What each installation needs for its busiest hour, and what is full first."""
    parts = list(find_loads(STEPS[0], costs))
    titles = ["installation", "generations a second", "bots / workers / database cores", *parts]
    yield f"| {' | '.join([*titles, 'carries at most', 'acknowledgement p95, start p95'])} |"
    yield f"|{' --- |' * (len(titles) + 2)}"
    for step in STEPS:
        one = size(step, costs)
        loads = find_loads(one, costs)
        first = max(loads, key=loads.__getitem__)
        acknowledged, waited = simulate(one, costs)
        yield " | ".join(
            [
                f"| {one.name}",
                f"{one.rate:.2g}",
                f"{one.bots} / {one.workers or '-'} / {one.database_cores}",
                *(f"{share:.0%}" for share in loads.values()),
                f"{one.rate * COMFORTABLE / loads[first]:.2g} a second, then {first}",
                f"{quantile(acknowledged, 0.95):.0f} ms, {quantile(waited, 0.95):.1f} s |",
            ]
        )


def find_loads(one: Installation, costs: Costs) -> Mapping[str, float]:
    """Share of the time that each part is busy, by its name; more than 1 cannot be."""
    edits = max(one.run_s / costs.edit_every_s - 1, 0)
    front = costs.acknowledge_ms + costs.accept_ms
    back = costs.run_ms + costs.tell_ms + edits * costs.edit_ms
    speed = one.core_speed * 1000
    if one.workers:
        bots = one.rate * front / speed / one.bots
        workers = one.rate * back / speed / one.workers
    else:
        bots, workers = one.rate * (front + back) / speed / one.bots, 0.0
    waiting = one.rate * _mean_wait_s(one, costs)
    turns = one.rate * 3 * (costs.turn_ms + waiting * costs.turn_ms_waiting) / speed
    return {
        "GPUs": one.rate * (one.run_s + costs.rest_ms / 1000) / one.gpus,
        "bots": bots,
        "workers": workers,
        "turns": turns,
        "database": one.rate * costs.database_ms / speed / one.database_cores,
        "Discord": one.rate * costs.bot_requests / DISCORD_REQUESTS_A_SECOND,
        "identifies": 10 * math.ceil(one.guilds / GUILDS_A_SHARD) / IDENTIFIES_A_DAY,
    }


def size(one: Installation, costs: Costs) -> Installation:
    """The same with as few processes and database cores as keep each comfortable."""
    loads = find_loads(one, costs)
    return replace(
        one,
        bots=_find_count(one.bots, loads["bots"]),
        workers=_find_count(one.workers, loads["workers"]) if one.workers else 0,
        database_cores=_find_count(one.database_cores, loads["database"]),
    )


def _find_count(count: int, load: float) -> int:
    return max(math.ceil(count * load / COMFORTABLE), 1)


def simulate(one: Installation, costs: Costs) -> tuple[list[float], list[float]]:
    """Milliseconds to each acknowledgement, and seconds from there to each start on a GPU."""
    source = random.Random(SEED)  # noqa: S311 - a simulation
    arrivals: list[float] = []
    at = 0.0
    while (at := at + source.expovariate(one.rate)) < SIMULATED_S or not arrivals:
        arrivals.append(at)
    speed = one.core_speed * 1000
    acknowledged = serve(arrivals, one.bots, [costs.acknowledge_ms / speed] * len(arrivals))
    accepted = [at + costs.accept_ms / speed for at in acknowledged]
    runs = [source.expovariate(1 / one.run_s) + costs.rest_ms / 1000 for _ in arrivals]
    ended = serve(accepted, one.gpus, runs)
    waits = [end - run - at for end, run, at in zip(ended, runs, accepted, strict=True)]
    delays = [(then - at) * 1000 for at, then in zip(arrivals, acknowledged, strict=True)]
    return delays, waits


def serve(ready: Sequence[float], servers: int, times: Sequence[float]) -> list[float]:
    """When each is done, first come, first served, by so many servers."""
    free = [0.0] * servers
    done = [0.0] * len(ready)
    for index in sorted(range(len(ready)), key=ready.__getitem__):
        done[index] = max(ready[index], heapq.heappop(free)) + times[index]
        heapq.heappush(free, done[index])
    return done


def acknowledge(arrivals: Sequence[float], costs: Costs) -> list[float]:
    """Milliseconds to each acknowledgement in one process, which go before recordings."""
    now, recordings = 0.0, 0
    delays: list[float] = []
    while len(delays) < len(arrivals):
        arrival = arrivals[len(delays)]
        if arrival <= now:
            now, recordings = now + costs.acknowledge_ms / 1000, recordings + 1
            delays.append((now - arrival) * 1000)
        elif recordings:
            now, recordings = now + costs.accept_ms / 1000, recordings - 1
        else:
            now = arrival
    return delays


def _mean_wait_s(one: Installation, costs: Costs) -> float:
    """Mean time in the line: the M/M/c queue by Sakasegawa's approximation."""
    run_s = one.run_s + costs.rest_ms / 1000
    load = min(one.rate * run_s / one.gpus, 0.999)
    return run_s * math.pow(load, math.sqrt(2 * (one.gpus + 1)) - 1) / (one.gpus * (1 - load))


if __name__ == "__main__":
    main()
