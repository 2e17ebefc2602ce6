"""Words of one server, judged beside those of all others."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from generation.errors import FailureKind, RequestRefused
from generation.moderation.blocks import Block, Moderation, refuse_blocked
from generation.moderation.word_filter import WatchedWord, WordAction, WordFilter, WordVerdict
from generation.request import Actor, Requester
from generation.service import utc_now
from tests.support.clock import Clock

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


@pytest.mark.parametrize(
    ("pattern", "is_expression", "sentence"),
    [("fo[x", True, "valid regular expression"), ("...", False, "letters or digits")],
)
async def test_what_cannot_be_watched_for_is_refused_with_its_reason(
    database, pattern, is_expression, sentence
):
    moderation = Moderation(database, utc_now)
    with pytest.raises(RequestRefused, match=sentence) as refused:
        await moderation.watch(Actor(1, 5), pattern, WordAction.REFUSE, is_expression=is_expression)
    assert refused.value.kind is FailureKind.INVALID_OPTION
    assert await moderation.watched_words(5) == ()


@pytest.mark.parametrize(("action", "is_held"), [(WordAction.HOLD, True), (WordAction.WARN, False)])
async def test_a_watched_word_holds_a_result_and_is_flagged(database, action, is_held):
    moderation, person = Moderation(database, utc_now), Requester(3, "Ben", 9, 5)
    await moderation.watch(Actor(1, 5), "fox", action, is_expression=False)
    judgement = await moderation.judge(person, ["a fox"])
    assert judgement.needs_hold is is_held
    assert [note for _, note in judgement.flags] == ["fox"]
    assert not (await moderation.judge(person, ["a wolf"])).needs_hold


@pytest.mark.parametrize("guild_id", [5, 6, None])
async def test_who_is_blocked_everywhere_is_blocked_in_every_server(database, guild_id):
    moderation, person = Moderation(database, utc_now), Requester(3, "Ben", 9, guild_id)
    await moderation.block(Actor(1, 5), 3, reason="enough", until=None, everywhere=True)
    with pytest.raises(RequestRefused) as refused:
        await moderation.judge(person, ["a fox"])
    assert refused.value.facts["reason"] == "enough"
    (block,) = await moderation.blocks(guild_id, 25)
    assert block.is_everywhere
    assert not await moderation.unblock(Actor(1, guild_id), 3), "a server's own block is another"
    assert await moderation.unblock(Actor(1, guild_id), 3, everywhere=True)
    assert await moderation.blocks(guild_id, 25) == ()


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "until", "sentence"),
    [
        ("", None, "You can't make pictures here."),
        ("spam", None, "You can't make pictures here. Reason: {reason}"),
        ("", NOON, "You can't make pictures here until {until}."),
        ("spam", NOON, "You can't make pictures here until {until}. Reason: {reason}"),
    ],
)
def test_what_a_blocked_person_reads(reason, until, sentence):
    refused = refuse_blocked(Block(3, reason, until, 1, NOON, can_be_appealed=True))
    assert (refused.kind, refused.template) == (FailureKind.BLOCKED_HERE, sentence)
    ends = {"until": NOON.isoformat()} if until else {}
    assert refused.facts == {"reason": reason, "can_appeal": True, **ends}


async def test_a_block_ends_by_itself(database):
    clock = Clock(NOON)
    moderation, person = Moderation(database, clock), Requester(3, "Ben", 9, 5)
    until = NOON + timedelta(hours=1)
    await moderation.block(Actor(1, 5), 3, reason=" spam ", until=until)
    with pytest.raises(RequestRefused) as refused:
        await moderation.judge(person, ["a fox"])
    assert refused.value.facts == {
        "reason": "spam",
        "can_appeal": True,
        "until": until.isoformat(),
    }
    clock.pass_(hours=1)
    assert not (await moderation.judge(person, ["a fox"])).flags
