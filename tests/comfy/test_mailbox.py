import asyncio

import pytest

from comfy.errors import RunLost
from comfy.mailbox import Mailbox
from comfy.protocol.events import NodeStarted, Preview, StepDone


async def collect(mailbox):
    events = []
    while (event := await mailbox.get()) is not None:
        events.append(event)
    return events


async def test_only_the_newest_preview_and_step_are_kept():
    mailbox = Mailbox()
    for value in (1, 2):
        mailbox.put(StepDone("3", value, 9))
        mailbox.put(Preview("image/jpeg", b"%d" % value))
        mailbox.put(NodeStarted(str(value)))
    mailbox.end()

    assert await collect(mailbox) == [
        NodeStarted("1"),
        StepDone("3", 2, 9),
        Preview("image/jpeg", b"2"),
        NodeStarted("2"),
    ]


async def test_an_error_comes_after_the_events_before_it():
    mailbox = Mailbox()
    mailbox.put(NodeStarted("1"))
    mailbox.fail(RunLost("gone"))
    mailbox.put(NodeStarted("2"))
    mailbox.end()

    assert await mailbox.get() == NodeStarted("1")
    with pytest.raises(RunLost):
        await mailbox.get()


async def test_the_first_end_counts():
    mailbox = Mailbox()
    mailbox.end()
    mailbox.fail(RunLost("too late"))

    assert await mailbox.get() is None


async def test_a_waiting_consumer_wakes_up():
    mailbox = Mailbox()
    task = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put(NodeStarted("1"))

    assert await task == NodeStarted("1")
