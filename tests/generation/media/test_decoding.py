"""What decodes pictures: two at a time, whoever asks."""

import asyncio
import threading

import pytest

from generation.media.decoding import AT_A_TIME, LARGE_PIXELS, await_turn, decode


class Calls:
    """Counts how many are under way, and holds each until `is_over`."""

    def __init__(self):
        self.is_over = threading.Event()
        self.began = threading.Semaphore(0)
        self.count = 0
        self.most = 0
        self._lock = threading.Lock()

    def work(self, number):
        with self._lock:
            self.count += 1
            self.most = max(self.most, self.count)
        self.began.release()
        self.is_over.wait()
        with self._lock:
            self.count -= 1
        return number


@pytest.fixture
def calls():
    made = Calls()
    yield made
    made.is_over.set()


async def test_two_are_decoded_at_a_time(calls):
    waiting = [asyncio.create_task(decode(calls.work, number)) for number in range(8)]
    for _ in range(AT_A_TIME):
        await asyncio.to_thread(calls.began.acquire)
    calls.is_over.set()
    assert await asyncio.gather(*waiting) == list(range(8))
    assert calls.most == AT_A_TIME == 2


async def test_one_large_picture_is_decoded_at_a_time_and_a_small_one_beside_it(calls):
    def open_picture(pixels):
        await_turn((pixels, 1))
        await_turn((pixels, 1))
        return calls.work(pixels)

    large = [asyncio.create_task(decode(open_picture, LARGE_PIXELS + 1)) for _ in range(2)]
    await asyncio.to_thread(calls.began.acquire)
    assert not await asyncio.to_thread(calls.began.acquire, timeout=0.1)
    calls.is_over.set()
    await asyncio.gather(*large)
    assert calls.most == 1
    calls.is_over.clear()
    both = [
        asyncio.create_task(decode(open_picture, pixels))
        for pixels in (LARGE_PIXELS, LARGE_PIXELS + 1)
    ]
    for _ in both:
        await asyncio.to_thread(calls.began.acquire)
    calls.is_over.set()
    await asyncio.gather(*both)


async def test_what_is_cancelled_while_it_waits_is_never_decoded(calls):
    busy = [asyncio.create_task(decode(calls.work, number)) for number in range(AT_A_TIME)]
    for _ in busy:
        await asyncio.to_thread(calls.began.acquire)
    waiting = asyncio.create_task(decode(calls.work, 9))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    calls.is_over.set()
    await asyncio.gather(*busy)
    assert await decode(str, 1) == "1"
    assert not calls.began.acquire(blocking=False)
