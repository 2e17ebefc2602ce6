"""Acknowledgements go first."""

import asyncio

from bot.acknowledgements import Acknowledgements


async def test_work_waits_for_acknowledgements_that_are_pending():
    acknowledgements = Acknowledgements()
    with acknowledgements.pending():
        with acknowledgements.pending():
            work = asyncio.create_task(acknowledgements.wait())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not work.done()
    await work


async def test_work_does_not_wait_for_ever():
    acknowledgements = Acknowledgements()
    with acknowledgements.pending():
        await acknowledgements.wait()
