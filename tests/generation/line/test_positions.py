"""Telling people their places in the line."""

import asyncio
import logging
from datetime import UTC, datetime

from generation.backends.pool import BackendPool
from generation.backends.power import PowerManager
from generation.errors import FailureKind, RequestRefused
from generation.estimates import Durations, LineEntry, MeasuredRun
from generation.history.records import LineState, Records
from generation.line.positions import LinePositions
from generation.request import Requester
from generation.runs.broadcast import Broadcast
from generation.service import utc_now

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FaultyRecords(Records):
    """Of an empty line; fails at the first question in a way that nobody foresaw."""

    def __init__(self):
        super().__init__(None)
        self.has_failed = False
        self.was_asked_again = asyncio.Event()

    async def line_state(self):
        if not self.has_failed:
            self.has_failed = True
            raise RuntimeError("unforeseen")
        self.was_asked_again.set()
        return LineState((), (), (), {})

    async def durations(self, workflows):
        return Durations([])

    async def find_many(self, generation_ids):
        return {}


class CountingRecords(FaultyRecords):
    """Of one run, which usually takes a minute; counts how often they are read."""

    def __init__(self):
        super().__init__()
        self.reads = 0

    async def line_state(self):
        self.reads += 1
        run = LineEntry("k7f3q", 1, "txt2img-sd", 1, NOON, backend="only", started_at=NOON)
        return LineState((run,), guilds={"k7f3q": 5})

    async def durations(self, workflows):
        return Durations([MeasuredRun("txt2img-sd", 1, "only", 60.0)])


async def test_many_who_find_a_line_full_are_told_when_by_one_look_at_it():
    records, pool = CountingRecords(), BackendPool([])
    power = PowerManager(None, pool, lambda: NOON)
    positions = LinePositions(records, pool, power, Broadcast(None), lambda: NOON)
    refused = RequestRefused(FailureKind.QUEUE_FULL, "Full.")
    told = await asyncio.gather(
        *(positions.add_retry_time(refused, Requester(user_id, "x", 9, 5)) for user_id in range(9))
    )
    assert {one.facts["retry_at"] for one in told} == {"2026-01-01T12:01:00+00:00"}
    assert records.reads == 1


async def test_positions_are_told_on_after_a_mistake(caplog):
    records = FaultyRecords()
    pool = BackendPool([])
    power = PowerManager(None, pool, utc_now)
    positions = LinePositions(records, pool, power, Broadcast(None), utc_now)
    positions.note_accepted()
    telling = asyncio.create_task(positions.publish_changes())
    again = asyncio.create_task(records.was_asked_again.wait())
    while not again.done() and not telling.done():
        positions.note_accepted()
        await asyncio.wait({again, telling}, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
    assert not telling.done()
    for task in (telling, again):
        task.cancel()
    await asyncio.gather(telling, again, return_exceptions=True)
    levels = [one.levelno for one in caplog.records if one.name == "generation.line.positions"]
    assert levels == [logging.ERROR]
