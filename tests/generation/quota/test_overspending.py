"""People ask through several processes at once, on both databases."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.database import Database
from db.repositories.charges import ChargeRepository, Spent
from db.repositories.generations import GenerationRepository
from db.repositories.guilds import GuildRepository
from generation.errors import FailureKind, RequestRefused
from generation.quota.rules import Cost
from generation.quota.usage import QuotaLookups, QuotaService
from generation.request import Requester
from tests.support.processes import start_program
from tests.support.rows import generation_row

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("submitting.py")
GUILD, PERSON = 5, 7
PROCESSES, TIMES = 3, 6


async def limit(database, **limits):
    with database.transaction() as session:
        guilds = GuildRepository(session)
        guilds.get_or_create(GUILD, now=datetime.now(UTC))
        guilds.update(GUILD, cooldown_s=0, **limits)


async def start(url, count, person, stack):
    process = await start_program(
        *(str(PROGRAM), url, str(TIMES), str(count), str(person)),
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )

    async def end():
        if process.returncode is None:
            process.kill()
            await process.wait()

    stack.push_async_callback(end)
    return process


async def ask_together(url, count, people=(PERSON,) * PROCESSES):
    """The ids that all processes together were given, one process for each of the people."""
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        processes = [await start(url, count, person, stack) for person in people]
        for process in processes:
            line = await process.stdout.readline()
            assert line == b"ready\n", (await process.communicate())[1].decode()
        answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        for process, (_, err) in zip(processes, answers, strict=True):
            assert process.returncode == 0, err.decode()
        return [one for out, _ in answers for one in json.loads(out)]


@pytest.mark.parametrize(
    ("limits", "count", "accepted"),
    [
        ({"pictures": 10, "max_waiting": 99}, 3, 3),
        ({"pictures": 99, "max_waiting": 4}, 1, 5),
        ({"pictures": 99, "max_waiting": 99, "max_line": 7}, 1, 7),
        ({"quota_unit": "gpu_seconds", "gpu_s": 130, "max_waiting": 99}, 2, 2),
    ],
    ids=["pictures", "places", "line", "seconds"],
)
async def test_nobody_gets_more_than_one_process_would_give(
    database, database_url, limits, count, accepted
):
    await limit(database, **limits)
    given = await ask_together(database_url, count)
    assert len(given) == len(set(given)) == accepted
    with database.transaction(read_only=True) as session:
        charges = ChargeRepository(session)
        used = charges.usage(PERSON, GUILD, datetime.now(UTC) - timedelta(days=2)).spent
    assert used == Spent(accepted * count, accepted * count * 30_000)


async def test_people_do_not_share_the_last_places_of_a_line(database, database_url):
    await limit(database, pictures=99, max_waiting=99, max_line=7)
    given = await ask_together(database_url, 1, people=range(PERSON, PERSON + PROCESSES))
    assert len(given) == len(set(given)) == 7


async def test_whoever_asks_meanwhile_waits_to_be_counted(postgres_url):
    """On SQLite a writing transaction is alone from its start."""
    database = Database(postgres_url)
    service = QuotaService(database, lambda: datetime.now(UTC))

    def admit(session, person):
        requester = Requester(person, "x", channel_id=9, guild_id=GUILD)
        return service.admit(QuotaLookups(session), requester, Cost(1), datetime.now(UTC))

    try:
        await limit(database, max_line=1)
        with database.transaction() as first:
            admit(first, 1)
            GenerationRepository(first).add(waiting_row("first"))
            with database.transaction() as second:
                second.execute(text("SET LOCAL lock_timeout = '100ms'"))
                with pytest.raises(DBAPIError, match="lock timeout"):
                    admit(second, 2)
        with database.transaction() as second, pytest.raises(RequestRefused) as refused:
            admit(second, 2)
        assert refused.value.kind is FailureKind.QUEUE_FULL
    finally:
        await database.close()


def waiting_row(name):
    return generation_row(name, guild_id=GUILD, created_at=datetime.now(UTC))
