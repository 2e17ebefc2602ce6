"""Telling people their places in the line."""

import asyncio
import logging

from generation.backends.pool import BackendPool
from generation.backends.power import PowerManager
from generation.estimates import Durations
from generation.history.records import LineState, Records
from generation.line.positions import LinePositions
from generation.runs.broadcast import Broadcast
from generation.service import utc_now


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
