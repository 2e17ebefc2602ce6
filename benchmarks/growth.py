"""What decisions and the start cost with a thousand recorded generations, and with a million.

`python -m benchmarks.growth [--database-url URL]`: SQLite in a temporary folder without one; with
one, an empty PostgreSQL database.
"""

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path

import psycopg

from bot.core import Storage, open_core
from bot.settings import Settings
from db import migrations
from db.database import Database
from db.urls import libpq_url
from generation.history.queries import HistoryFilter
from generation.history.records import Records
from generation.notifier import Notifier
from generation.quota.rules import Cost
from generation.quota.usage import QuotaService
from generation.request import Requester
from generation.service import utc_now

SIZES = (1_000, 100_000, 1_000_000)
ROUNDS = 60
WARM_UP = 20
"""Warm-up rounds that are not counted."""

PEOPLE = 1_000
GUILDS = 25
NO_BACKEND = "http://127.0.0.1:9"
READER, READ = PEOPLE, 30
"""Somebody who asks for their history, and how many generations they have at each size."""

WORKFLOW = "txt2img-sd"

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
_SQLITE_MOMENT = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || (i + {minutes}) || ' minutes')"
_POSTGRES_MOMENT = "now() - (i + {minutes}) * interval '1 minute'"
_GENERATIONS = """
INSERT INTO generations (id, user_id, user_name, guild_id, channel_id, workflow, prompt, "values",
  state, cost, private, spoiler, priority, created_at, started_at, finished_at, delivered_at,
  keeps_metadata, layout, reply, lane, workload, gpu_ms)
SELECT 'x' || i, CASE WHEN i <= {read} THEN {reader} ELSE i % {people} END,
  'somebody', i % {people} % {guilds}, 1, '{workflow}', 'fox',
  '{{}}', 'succeeded', 1, {no}, {no}, {no}, {begun}, {begun}, {ended}, {ended}, {yes}, 'separate',
  '', 0, 1048576, 9000 FROM n
"""
_CHARGES = """
INSERT INTO charges (generation_id, kind, user_id, guild_id, amount, gpu_ms, at)
SELECT 'x' || i, '{kind}', i % {people}, i % {people} % {guilds}, {amount}, 0, {begun} FROM n
"""

Decision = Callable[[Requester], Awaitable[object]]


async def measure(url: str) -> dict[str, list[float]]:
    """Milliseconds that each part of a decision takes, the median, at each size."""
    await migrations.upgrade(url)
    figures: dict[str, list[float]] = {}
    filled = 0
    for size in SIZES:
        await asyncio.to_thread(fill, url, filled + 1, size)
        filled = size
        database = Database(url)
        try:
            for name, decide in _decisions(database).items():
                figures.setdefault(name, []).append(await _median_ms(decide))
        finally:
            await database.close()
        figures.setdefault("the start of the service", []).append(await _start_ms(url))
    return figures


async def _start_ms(url: str) -> float:
    with tempfile.TemporaryDirectory(prefix="limner-start-") as folder:
        settings = Settings(data=Path(folder), database_url=url, comfyui_urls=(NO_BACKEND,))
        began_at = time.perf_counter()
        storage = Storage.of(settings)
        await storage.prepare()
        async with open_core(settings, storage, build_notifier=lambda *_: Notifier()):
            return (time.perf_counter() - began_at) * 1000


def fill(url: str, first: int, last: int) -> None:
    """Add generations that ended and were charged, one a minute into the past."""
    plain = libpq_url(url)
    is_sqlite = plain is None
    moment = _SQLITE_MOMENT if is_sqlite else _POSTGRES_MOMENT
    places = {
        "people": PEOPLE,
        "reader": READER,
        "read": READ,
        "guilds": GUILDS,
        "workflow": WORKFLOW,
        "no": "0" if is_sqlite else "false",
        "yes": "1" if is_sqlite else "true",
        "begun": moment.format(minutes=1),
        "ended": moment.format(minutes=0),
    }
    numbers = _NUMBERS.format(first=first, last=last)
    charges = [
        _CHARGES.format(**places, kind=k, amount=a) for k, a in (("reserve", 1), ("charge", 0))
    ]
    statements = [_GENERATIONS.format(**places), *charges]
    if plain is None:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            for statement in statements:
                connection.execute(_led(numbers, statement))
    else:
        with psycopg.connect(plain, autocommit=True) as link:
            for statement in statements:
                link.execute(_led(numbers, statement).encode())
            # PostgreSQL does so by itself, within a minute; SQLite's statistics stay empty.
            link.execute("VACUUM ANALYZE")


def _led(numbers: str, statement: str) -> str:
    """The numbers come before SELECT on both databases."""
    return statement.replace("SELECT", f"{numbers} SELECT", 1)


def _decisions(database: Database) -> Mapping[str, Decision]:
    usage, records = QuotaService(database, utc_now), Records(database)
    return {
        "may this person (quota, places)": lambda person: usage.check(
            person, lambda _session: Cost(1, 9_000)
        ),
        "/quota": usage.status,
        "how long will it take": lambda _: records.durations([WORKFLOW]),
        "what is in the line": lambda _: records.line_state(),
        "what is still to be told": lambda _: records.undelivered(),
        "a page of /history": lambda _: records.history(HistoryFilter(user_id=READER)),
        "a page of a server's history": lambda person: records.history(
            HistoryFilter(guild_id=person.guild_id)
        ),
    }


async def _median_ms(decide: Decision) -> float:
    took = []
    for number in range(WARM_UP + ROUNDS):
        person = (number * 37) % PEOPLE
        requester = Requester(person, "somebody", 1, guild_id=person % GUILDS)
        began_at = time.perf_counter()
        await decide(requester)
        took.append((time.perf_counter() - began_at) * 1000)
    return statistics.median(took[WARM_UP:])


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--database-url")
    given = parser.parse_args().database_url
    with tempfile.TemporaryDirectory(prefix="limner-growth-") as folder:
        url = given or f"sqlite:///{Path(folder) / 'limner.db'}"
        figures = asyncio.run(measure(url))
    sizes = " | ".join(f"{size:,}" for size in SIZES)
    _say(f"| median ms with recorded generations | {sizes} | ratio |")
    _say("| --- |" + " --- |" * (len(SIZES) + 1))
    for name, taken in figures.items():
        cells = " | ".join(f"{ms:.2f}" for ms in taken)
        _say(f"| {name} | {cells} | {taken[-1] / taken[0]:.2f}x |")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the program's output


if __name__ == "__main__":
    main()
