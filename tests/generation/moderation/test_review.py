"""Decisions of moderators: how many presses they take, and when they are final."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy import update as update_rows

from db.base import table_of
from db.repositories.moderation.reviews import APPROVED, PENDING, REPORTED, ReviewRepository
from db.tables import GenerationRow, OutputContentRow, OutputRow, ReviewRow
from generation.errors import RequestRefused
from generation.history.records import Records
from generation.history.removal import remove_results
from generation.moderation.review import UNDO_TIME, Reviews
from generation.moderation.review_cards import EDIT_TIME
from generation.notifier import CaseState, DeliveryPostponed
from generation.request import Actor
from tests.support.clock import Clock
from tests.support.pictures import build_picture

GUILD, MO, ANA = 5, 7, 1
CHARACTERS_A_SHEET = 80
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def clock():
    return Clock(NOON)


@pytest.fixture
def add(database):
    """Add results with a picture each, all of which wait for a moderator."""
    thumbnail = build_picture(size=(8, 8))

    def add(count, *, state=PENDING):
        ids = [f"r{number:04}" for number in range(count)]
        withheld = state == PENDING
        facts = {"user_id": ANA, "user_name": "ana", "guild_id": GUILD, "channel_id": 9}
        facts |= {"workflow": "w", "prompt": "", "values": {}, "state": "succeeded", "cost": 1}
        facts |= {"private": False, "spoiler": False, "reply": "", "withheld": withheld}
        facts |= {"finished_at": NOON, "delivered_at": None if withheld else NOON}
        output = {"position": 0, "filename": "a.png", "media_type": "image/png", "sha256": ""}
        output |= {"byte_count": 1, "thumbnail": thumbnail}
        made = [facts | {"id": id_, "created_at": NOON + _nth(n)} for n, id_ in enumerate(ids)]
        review = {"state": state, "created_at": NOON, "asked_at": NOON}
        waits = [review | {"generation_id": id_} for id_ in ids]
        outputs = [output | {"id": n, "generation_id": id_} for n, id_ in enumerate(ids, 1)]
        contents = [{"output_id": one["id"], "content": b"x"} for one in outputs]
        with database.transaction() as session:
            for table, rows in (
                (GenerationRow, made),
                (ReviewRow, waits),
                (OutputRow, outputs),
                (OutputContentRow, contents),
            ):
                session.execute(insert(table_of(table)), rows)
        return ids

    return add


def _nth(number):
    return timedelta(seconds=number)


@pytest.fixture
def reviews(database, clock):
    return Reviews(database, clock)


def read_review(database, id_):
    with database.transaction() as session:
        return session.scalars(select(ReviewRow).where(ReviewRow.generation_id == id_)).one()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_five_hundred_held_results_take_sixty_presses_at_most(database, add, reviews):
    add(500)
    presses = 0
    while chosen := (await reviews.sheets.choose(GUILD, CHARACTERS_A_SHEET))[1]:
        presses += 1
        ids = [generation.id for generation, _ in chosen]
        with database.transaction() as session:
            decided = update_rows(ReviewRow).where(ReviewRow.generation_id.in_(ids))
            session.execute(decided.values(state=APPROVED))
    assert (await reviews.overview(GUILD)).waiting == 0
    assert presses <= 60


@pytest.mark.parametrize("state", [PENDING, REPORTED])
async def test_a_refusal_is_final_when_its_time_is_over_and_once_only(database, add, clock, state):
    """Whichever process finds it, and however many do at once."""
    (id_,) = add(1, state=state)
    processes = [Reviews(database, clock) for _ in range(3)]
    records = Records(database)
    telling = await processes[0].decide(Actor(MO, GUILD), id_, approved=False, reason="hate")
    assert (telling is None) is (state == PENDING), "what is seen by all is hidden at once"
    assert (await records.find(id_)).withheld
    clock.now += UNDO_TIME - timedelta(seconds=1)
    await asyncio.gather(*(one.finish_decisions() for one in processes))
    assert len(await records.contents(id_, include_withheld=True)) == 1
    clock.now += timedelta(seconds=1)
    await asyncio.gather(*(one.finish_decisions() for one in processes))
    assert await records.contents(id_, include_withheld=True) == ()
    assert (await records.find(id_)).removed_by == MO
    assert await records.undelivered() == {id_: (telling or 0) + 1}
    assert read_review(database, id_).undo_until is None
    with pytest.raises(RequestRefused, match="too late"):
        await processes[1].undo(Actor(MO, GUILD), id_)
    for one in processes:
        await one.stop()


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("state", [PENDING, REPORTED])
async def test_what_is_undone_is_as_it_was(database, add, reviews, clock, state, approved):
    (id_,) = add(1, state=state)
    records, actor = Records(database), Actor(MO, GUILD)
    before = await records.find(id_)
    told = await reviews.decide(actor, id_, approved=approved)
    with pytest.raises(RequestRefused, match="decided on this one already"):
        await reviews.decide(actor, id_, approved=not approved)
    undone = await reviews.undo(actor, id_)
    assert (told is None) is (undone is None)
    after = await records.find(id_)
    assert (after.withheld, after.removed_at) == (before.withheld, None)
    assert (await reviews.overview(GUILD)).next_id == id_
    assert await records.undelivered() == ({id_: undone} if undone else {})
    clock.now += 2 * UNDO_TIME
    await reviews.finish_decisions()
    assert len(await records.contents(id_, include_withheld=True)) == 1
    with pytest.raises(RequestRefused, match="too late"):
        await reviews.undo(actor, id_)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("waiting", "characters", "chosen"),
    [(1, 80, 0), (2, 80, 2), (12, 80, 9), (4, 15, 3), (4, 9, 0)],
)
async def test_a_sheet_has_the_oldest_results_that_fit(
    database, add, reviews, waiting, characters, chosen
):
    ids = add(waiting)
    sheet = await reviews.sheets.build(GUILD, characters)
    if not chosen:
        assert sheet is None
        return
    assert sheet.waiting == waiting
    assert [one.id for one in sheet.generations] == ids[:chosen]
    assert sheet.counts == (1,) * chosen
    assert sheet.picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_sheet_goes_past_what_has_no_room_and_what_nobody_can_judge_on_it(
    database, add, reviews
):
    full, too_many, *sounds, last = add(12)
    picture = {"filename": "b.png", "media_type": "image/png", "sha256": "", "byte_count": 1}
    picture |= {"thumbnail": build_picture(size=(8, 8))}
    more = [(full, position) for position in range(1, 35)] + [(too_many, 1)]
    rows = [picture | {"generation_id": id_, "position": position} for id_, position in more]
    heard = update_rows(OutputRow).where(OutputRow.generation_id.in_(sounds))
    with database.transaction() as session:
        session.execute(insert(table_of(OutputRow)), rows)
        session.execute(heard.values(media_type="audio/mpeg"))
    waiting, chosen = await reviews.sheets.choose(GUILD, CHARACTERS_A_SHEET)
    assert waiting == 12
    assert [(generation.id, len(tiles)) for generation, tiles in chosen] == [(full, 35), (last, 1)]


class Channel:
    """A moderators' channel that can be out of reach; it keeps what its messages show."""

    def __init__(self):
        self.is_reachable = True
        self.attempts = 0
        self.shown = asyncio.Queue()
        self.arrived = asyncio.Event()
        self.let_through = asyncio.Event()
        self.let_through.set()

    async def show(self, case, channel_id):
        raise NotImplementedError

    async def amend_case(self, case, location):
        self.attempts += 1
        self.arrived.set()
        await self.let_through.wait()
        if not self.is_reachable:
            raise DeliveryPostponed
        self.shown.put_nowait((case.state, location.message_id))

    async def retract(self, location):
        raise NotImplementedError

    async def tell_held(self, generation):
        raise NotImplementedError


@pytest.fixture
def channel():
    return Channel()


@pytest.fixture
async def start(database, clock, channel):
    """Start a process that shows results in the channel."""
    processes = []

    def start():
        processes.append(Reviews(database, clock, channel))
        return processes[-1]

    yield start
    for one in processes:
        await one.stop()


@pytest.fixture
def shown(database, add):
    """Add a result of which the moderators' channel has a message."""
    (id_,) = add(1)
    with database.transaction() as session:
        ReviewRepository(session).note_message(id_, 9, 11)
    return id_


async def update(*processes):
    """Let each look once for messages that are out of date."""
    for one in processes:
        await one.finish_decisions()
        await one.update_messages()
    await asyncio.gather(*(one._updating for one in processes if one._updating is not None))


async def test_a_message_shows_a_decision_once_discord_is_there_again(start, channel, shown, clock):
    channel.is_reachable = False
    await (reviews := start()).decide(Actor(MO, GUILD), shown, approved=False)
    await reviews.update_message(shown)
    await update(reviews)
    assert channel.attempts == 1, "a channel out of reach is not tried at every look"
    clock.now += EDIT_TIME
    await update(reviews)
    assert channel.attempts == 2
    channel.is_reachable = True
    clock.now += EDIT_TIME
    await update(reviews)
    assert channel.shown.get_nowait() == (CaseState.REFUSED, 11)
    clock.now += EDIT_TIME
    await update(reviews)
    assert channel.attempts == 3, "it is edited once"


@pytest.mark.parametrize("was_begun", [False, True])
async def test_a_message_shows_a_decision_after_a_restart_whoever_edits_it(
    start, channel, shown, clock, was_begun
):
    killed = start()
    await killed.decide(Actor(MO, GUILD), shown, approved=True)
    if was_begun:
        channel.let_through.clear()
        await killed.update_messages()
        await channel.arrived.wait()
        await killed.stop()
        channel.let_through.set()
        await update(start())
        assert channel.shown.empty(), "another process may be editing it"
        clock.now += EDIT_TIME
    await update(*(start() for _ in range(3)))
    assert channel.shown.get_nowait() == (CaseState.APPROVED, 11)
    assert channel.shown.empty()


async def test_a_message_is_edited_by_one_of_several_processes(start, channel, shown):
    channel.let_through.clear()
    processes = [start() for _ in range(3)]
    await processes[0].decide(Actor(MO, GUILD), shown, approved=False)
    updating = asyncio.gather(*(one.update_message(shown) for one in processes))
    channel.let_through.set()
    await updating
    assert channel.attempts == 1


async def test_a_decision_during_an_edit_is_shown_last(start, channel, shown):
    channel.let_through.clear()
    one, other = start(), start()
    await one.decide(Actor(MO, GUILD), shown, approved=True)
    editing = asyncio.create_task(one.update_message(shown))
    await channel.arrived.wait()
    await other.undo(Actor(MO, GUILD), shown)
    channel.let_through.set()
    await editing
    await update(one, other)
    assert [channel.shown.get_nowait()[0] for _ in range(2)] == [
        CaseState.APPROVED,
        CaseState.PENDING,
    ]
    assert channel.shown.empty()


async def test_an_edit_that_arrives_after_a_later_one_is_repeated(
    database, clock, start, channel, shown
):
    channel.let_through.clear()
    slow, quick = start(), Reviews(database, clock, Channel())
    await slow.decide(Actor(MO, GUILD), shown, approved=True)
    editing = asyncio.create_task(slow.update_message(shown))
    await channel.arrived.wait()
    await quick.undo(Actor(MO, GUILD), shown)
    await quick.update_message(shown)
    channel.let_through.set()
    await editing
    assert [channel.shown.get_nowait()[0] for _ in range(2)] == [
        CaseState.APPROVED,
        CaseState.PENDING,
    ]
    assert channel.shown.empty()


async def test_a_message_loses_its_undo_button_when_the_time_is_over(start, channel, shown, clock):
    await (reviews := start()).decide(Actor(MO, GUILD), shown, approved=True)
    await update(reviews)
    clock.now += UNDO_TIME
    await update(start(), start())
    assert channel.attempts == 2


async def test_the_message_of_a_removed_result_is_edited_after_a_restart(
    database, start, channel, shown, clock
):
    with database.transaction() as session:
        remove_results(session, shown, actor_id=ANA, now=clock())
    await update(start())
    assert channel.shown.get_nowait() == (CaseState.REMOVED, 11)


async def test_what_moderators_were_never_shown_is_not_edited(start, channel, add):
    (id_,) = add(1)
    await (reviews := start()).decide(Actor(MO, GUILD), id_, approved=True)
    await reviews.update_message(id_, always=True)
    await update(reviews)
    assert not channel.attempts
