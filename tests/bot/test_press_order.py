"""Presses that are answered in the order of their arrival, also where one of them fails."""

import asyncio

import pytest

from bot.press_order import PressOrder

ANA = 1


async def acknowledged() -> None:
    """An acknowledgement that arrives."""


async def refused() -> None:
    """One that Discord refuses."""
    raise ConnectionError


async def test_a_press_waits_for_those_before_it_although_one_between_fails():
    order, answered, may_end = PressOrder(), [], asyncio.Event()

    async def answer(name, acknowledgement, until=None):
        async with order.take(ANA, acknowledgement):
            if until is not None:
                await until.wait()
            answered.append(name)

    async with asyncio.timeout(10):
        first = asyncio.create_task(answer("first", acknowledged(), may_end))
        failed = asyncio.create_task(answer("failed", refused()))
        last = asyncio.create_task(answer("last", acknowledged()))
        for _ in range(10):
            await asyncio.sleep(0)
        assert answered == []
        may_end.set()
        await asyncio.gather(first, last)
    assert answered == ["first", "last"]
    with pytest.raises(ConnectionError):
        await failed
    async with asyncio.timeout(10):
        await answer("later", acknowledged())
    assert answered[-1] == "later"


async def test_a_press_that_fails_alone_does_not_spoil_the_one_before_it():
    order, may_end = PressOrder(), asyncio.Event()

    async def answer():
        async with order.take(ANA, acknowledged()):
            await may_end.wait()

    first = asyncio.create_task(answer())
    await asyncio.sleep(0)

    async def fail():
        async with order.take(ANA, refused()):
            pass

    failed = asyncio.create_task(fail())
    await asyncio.sleep(0)
    may_end.set()
    async with asyncio.timeout(10):
        await first
        with pytest.raises(ConnectionError):
            await failed
