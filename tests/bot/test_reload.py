"""What goes wrong while workflows are watched is logged, and the watch goes on."""

import asyncio
from contextlib import asynccontextmanager

from bot.reload import follow_workflows


class Watch:
    """Fails as often as it is told, then tells of a change whenever one is made."""

    def __init__(self, failures=0):
        self.failures = failures
        self.changes = asyncio.Queue()

    async def __call__(self, on_change):
        if self.failures:
            self.failures -= 1
            raise OSError("no watchers left")
        while True:
            await self.changes.get()
            on_change()
            self.changes.task_done()


@asynccontextmanager
async def following(watch, on_change):
    task = asyncio.create_task(follow_workflows(watch, on_change, watch_again_s=0))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_error_of_the_listener_does_not_end_the_watch(caplog):
    watch, told = Watch(), []

    def listen():
        told.append(len(told))
        if len(told) == 1:
            raise ValueError("a strange workflow")

    async with following(watch, listen) as task:
        for _ in range(2):
            watch.changes.put_nowait(None)
        await watch.changes.join()
        assert not task.done()
    assert told == [0, 1]
    assert "a strange workflow" in caplog.text


async def test_a_watch_that_fails_is_begun_again(caplog):
    watch, told = Watch(failures=2), []
    async with following(watch, lambda: told.append(True)):
        watch.changes.put_nowait(None)
        await watch.changes.join()
    assert told == [True]
    assert caplog.text.count("cannot be watched") == 2


async def test_it_ends_when_it_is_cancelled():
    watch = Watch()
    async with following(watch, lambda: None) as task:
        pass
    assert task.cancelled()
