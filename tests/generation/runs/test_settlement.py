"""An end is recorded once, whoever comes to it at the same time."""

import asyncio

from sqlalchemy import select

from db.database import Database
from db.repositories.charges import ChargeRepository, Spent
from db.repositories.generations import GenerationRepository
from db.repositories.outputs import NewOutput
from db.tables import CHARGE, RESERVE, ChargeRow, OutputRow
from generation.moderation.image_filter import ImageGate, Ruling
from generation.runs.broadcast import Broadcast
from generation.runs.outcome import SUCCEEDED
from generation.runs.results import FinishedRun
from generation.runs.settlement import Settlement
from generation.service import utc_now
from tests.support.fake_notifier import FakeNotifier
from tests.support.rows import generation_row

ID = "k7f3q"
PROCESSES = 4


def add(session):
    now = utc_now()
    GenerationRepository(session).add(generation_row(ID, created_at=now))
    ChargeRepository(session).reserve(ID, user_id=1, guild_id=5, spent=Spent(1), at=now)


async def test_processes_that_record_one_end_at_the_same_time_record_it_once(database_url):
    databases = [Database(database_url) for _ in range(PROCESSES)]
    await databases[0].write(add)
    gates = [ImageGate(database, None, utc_now) for database in databases]
    pictures = tuple(NewOutput(n, f"{n}.png", "image/png", b"a picture") for n in range(3))
    run = FinishedRun(SUCCEEDED, pictures, Ruling(), 1000)
    ends = await asyncio.gather(
        *(
            Settlement(database, Broadcast(FakeNotifier()), gate, utc_now).end(ID, run)
            for database, gate in zip(databases, gates, strict=True)
        )
    )
    assert sum(end is not None for end in ends) == 1
    recorded = await databases[0].read(
        lambda session: (
            list(session.scalars(select(OutputRow.position).order_by(OutputRow.position))),
            sorted(session.scalars(select(ChargeRow.kind))),
        )
    )
    assert recorded == ([0, 1, 2], [CHARGE, RESERVE])
    for gate in gates:
        gate.close()
    for database in databases:
        await database.close()
