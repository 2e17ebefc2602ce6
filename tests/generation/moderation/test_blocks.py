"""Words of one server, judged beside those of all others."""

import asyncio
import threading

from generation.moderation.blocks import Moderation
from generation.moderation.word_filter import WatchedWord, WordAction, WordFilter, WordVerdict
from generation.service import utc_now

TERMS = (WatchedWord(1, "fox", WordAction.REFUSE),)
PATIENCE_S = 10


class SlowFilter(WordFilter):
    """Takes until it is let go, and counts who it was asked by."""

    def __init__(self):
        super().__init__(TERMS)
        self.asked = 0
        self.is_let_go = threading.Event()

    def judge(self, *texts):
        self.asked += 1
        self.is_let_go.wait(PATIENCE_S)
        return WordVerdict()


async def test_slow_expressions_of_one_server_take_one_thread_however_many_ask():
    moderation, slow = Moderation(None, utc_now), SlowFilter()
    moderation._filters[5] = (TERMS, slow)
    here = [asyncio.create_task(moderation._match_words(5, TERMS, ["a wolf"])) for _ in range(40)]
    for _ in range(3):
        elsewhere = await moderation._match_words(6, TERMS, ["a fox"])
        assert elsewhere.action is WordAction.REFUSE
    assert slow.asked <= 1
    slow.is_let_go.set()
    await asyncio.gather(*here)
    assert slow.asked == len(here)
