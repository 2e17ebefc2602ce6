"""Tasks that somebody owns."""

import asyncio
import logging

import pytest

from db.errors import DatabaseUnavailable
from generation.tasks import PendingWork, TaskOwner, finish

ERRORS = pytest.mark.parametrize(
    ("error", "is_unforeseen"), [(DatabaseUnavailable("Stopping."), False), (KeyError("a"), True)]
)


@ERRORS
async def test_a_task_that_fails_is_logged_with_a_traceback_where_it_says_more(
    error, is_unforeseen, caplog
):
    async def fail():
        raise error

    task = TaskOwner(logging.getLogger()).start(fail(), "end of k3f9a")
    await asyncio.wait({task})
    (record,) = caplog.records
    assert record.getMessage() == f"The task end of k3f9a ended in an error: {error}"
    assert bool(record.exc_info) is is_unforeseen


@ERRORS
async def test_a_final_write_that_fails_while_its_caller_is_cancelled(error, is_unforeseen, caplog):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def write():
        begun.set()
        await ended.wait()
        raise error

    caller = asyncio.create_task(finish(write()))
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    ended.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    (record,) = caplog.records
    assert str(error) in record.getMessage()
    assert bool(record.exc_info) is is_unforeseen


async def test_pending_work_is_waited_for():
    work = PendingWork()
    with work.pending():
        with work.pending():
            waiting = asyncio.create_task(work.wait(60))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting


async def test_pending_work_is_not_waited_for_for_ever():
    work = PendingWork()
    with work.pending():
        await work.wait(0)
