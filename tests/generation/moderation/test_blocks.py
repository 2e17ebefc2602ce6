"""Words of one server, judged beside those of all others."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from db.repositories.audit import AuditRepository
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.flags import FlagRepository
from db.repositories.moderation.watched_words import WatchedWordRepository
from generation.errors import FailureKind, RequestRefused
from generation.moderation.blocks import Block, Moderation, refuse_blocked
from generation.moderation.word_filter import (
    MAX_WATCHED_WORDS,
    WatchedWord,
    WordAction,
    WordFilter,
    WordVerdict,
)
from generation.request import Actor, Requester
from generation.service import utc_now
from tests.support.bot_objects import build_generation
from tests.support.clock import Clock
from tests.support.rows import generation_row

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
    verdict = await moderation.judge(person, ["a fox"])
    assert verdict.needs_hold is is_held
    assert [note for _, note in verdict.flags] == ["fox"]
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
    block = Block(3, reason, until, 1, NOON, is_everywhere=False, can_be_appealed=True)
    refused = refuse_blocked(block)
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


async def test_every_change_is_in_the_audit_log(database):
    moderation, mo = Moderation(database, lambda: NOON), Actor(1, 5)
    await moderation.block(mo, 3, reason="spam", until=NOON)
    assert await moderation.unblock(mo, 3)
    await moderation.block(mo, 3, reason="", until=None, everywhere=True)
    assert await moderation.unblock(mo, 3, everywhere=True)
    assert not await moderation.unblock(mo, 3)
    word = await moderation.watch(mo, " fox ", WordAction.WARN, is_expression=False)
    assert (word.pattern, word.action) == ("fox", WordAction.WARN)
    assert await moderation.unwatch(mo, " fox ")
    assert await moderation.unwatch(mo, "fox") is False
    with database.transaction(read_only=True) as session:
        entries = [(one.action, one.detail) for one in AuditRepository(session).page(5, limit=9)]
    assert entries[::-1] == [
        ("block", {"reason": "spam", "until": NOON.isoformat()}),
        ("unblock", None),
        ("block", {"reason": "", "until": None, "everywhere": True}),
        ("unblock", {"everywhere": True}),
        ("watch", {"action": "warn", "expression": False}),
        ("unwatch", None),
    ]


@pytest.mark.parametrize(
    ("guild_id", "everywhere", "can_appeal"),
    [(5, False, True), (1, False, True), (5, True, False), (None, False, False)],
)
async def test_only_a_servers_own_block_can_be_appealed(database, guild_id, everywhere, can_appeal):
    moderation = Moderation(database, utc_now)
    reason = "why " * 100
    await moderation.block(Actor(1, guild_id), 3, reason=reason, until=None, everywhere=everywhere)
    (block,) = await moderation.blocks(guild_id, 25)
    assert (block.is_everywhere, block.can_be_appealed) == (everywhere, can_appeal)
    assert block.reason == reason[:300]


async def test_a_server_watches_so_many_words_and_no_more(database):
    moderation, mo = Moderation(database, utc_now), Actor(1, 5)
    with database.transaction() as session:
        words = WatchedWordRepository(session)
        for number in range(MAX_WATCHED_WORDS - 1):
            facts = {"is_expression": False, "action": "warn", "actor_id": 1, "at": NOON}
            words.add(5, f"w{number}", **facts)
    await moderation.watch(mo, "last", WordAction.REFUSE, is_expression=False)
    with pytest.raises(RequestRefused, match="up to 500 words"):
        await moderation.watch(mo, "more", WordAction.REFUSE, is_expression=False)
    assert (await moderation.try_words(5, "the last")).action is WordAction.REFUSE


@pytest.mark.parametrize(
    ("pattern", "is_expression", "sentence"),
    [("fox", False, "allow “fox”"), ("f[aeo]x", True, "allow this wording")],
)
async def test_a_refused_word_is_named_and_an_expression_is_not(
    database, pattern, is_expression, sentence
):
    moderation, mo = Moderation(database, utc_now), Actor(1, 5)
    await moderation.watch(mo, "red", WordAction.WARN, is_expression=False)
    await moderation.watch(mo, pattern, WordAction.REFUSE, is_expression=is_expression)
    with pytest.raises(RequestRefused, match=sentence) as refused:
        await moderation.judge(Requester(3, "Ben", 9, 5), ["a red fox"])
    assert refused.value.kind is FailureKind.PROMPT_NOT_ALLOWED


@pytest.mark.parametrize(
    ("action", "is_warned"), [(WordAction.HOLD, False), (WordAction.WARN, True)]
)
async def test_who_made_something_is_warned_of_a_word_that_warns(database, action, is_warned):
    moderation, generation = Moderation(database, utc_now), build_generation(guild_id=5)
    await moderation.watch(Actor(1, 5), "fox", action, is_expression=False)
    assert not await moderation.needs_warning(generation)
    verdict = await moderation.judge(Requester(3, "Ben", 9, 5), ["a fox"])
    with database.transaction() as session:
        GenerationRepository(session).add(generation_row(generation.id, created_at=NOON))
        for kind, note in verdict.flags:
            FlagRepository(session).add(generation.id, kind=kind, note=note, at=NOON)
    assert await moderation.needs_warning(generation) is is_warned
