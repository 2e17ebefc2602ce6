"""Results go, the record stays."""

from datetime import timedelta

import pytest

from db.repositories.audit import AuditRepository
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.reviews import PENDING, ReviewRepository
from db.repositories.outputs import NewOutput, OutputRepository
from generation.errors import GenerationRemoved, NotYours, RequestRefused, UnknownGeneration
from generation.history.records import Records
from generation.history.removal import Remover
from generation.moderation.case_file import ModerationQueries
from generation.moderation.review import Reviews
from generation.record import GenerationState
from generation.request import Actor
from generation.service import utc_now
from tests.support.rows import generation_row

ANA, BEN, MO = 1, 2, 3


@pytest.fixture
def remover(database):
    return Remover(database, utc_now)


@pytest.fixture
def add(database):
    async def add_(id_="k7f3q", state="succeeded"):
        with database.transaction() as session:
            generations = GenerationRepository(session)
            generations.add(
                generation_row(
                    id_, user_id=ANA, created_at=utc_now() - timedelta(hours=1), state=state
                )
            )
            OutputRepository(session).add_input(
                id_, name="image", content=b"in", media_type="image/png"
            )
            output = NewOutput(0, "x.png", "image/png", b"out", 8, 8, b"small", "words")
            OutputRepository(session).add_outputs(id_, [output])
        return id_

    return add_


@pytest.mark.parametrize(("actor", "is_moderator"), [(ANA, False), (MO, True)])
async def test_everything_kept_of_the_results_goes(database, remover, add, actor, is_moderator):
    await add()
    before = await remover.remove(" K7F3Q", actor_id=actor, is_moderator=is_moderator)
    assert before.outputs[0].thumbnail == b"small"
    records = Records(database)
    after = await records.find("k7f3q")
    assert (after.prompt, after.state) == ("a fox", GenerationState.SUCCEEDED)
    assert after.removed_at is not None
    (output,) = after.outputs
    assert (output.filename, output.byte_count) == ("x.png", 3)
    assert (output.thumbnail, output.text) == (None, None)
    assert await records.contents("k7f3q") == ()
    assert (await records.find_order("k7f3q")).files == ()


async def test_only_moderators_acts_are_audited_and_only_once(database, remover, add):
    await add("aaaaa")
    await add("bbbbb")
    await remover.remove("aaaaa", actor_id=ANA, is_moderator=True)
    for _ in range(2):
        await remover.remove("bbbbb", actor_id=MO, is_moderator=True)
    with database.transaction() as session:
        entries = AuditRepository(session).page(5, limit=9)
        listed = [(one.actor_id, one.action, one.subject) for one in entries]
    assert listed == [(MO, "remove", "bbbbb")]


async def test_others_do_not_remove_and_what_runs_is_cancelled_first(remover, add):
    await add()
    await add("runzz", state="running")
    with pytest.raises(NotYours):
        await remover.remove("k7f3q", actor_id=BEN, is_moderator=False)
    with pytest.raises(UnknownGeneration):
        await remover.remove("zzzzz", actor_id=ANA, is_moderator=True)
    with pytest.raises(RequestRefused, match="Cancel it first"):
        await remover.remove("runzz", actor_id=ANA, is_moderator=False)


@pytest.mark.parametrize("is_purge", [False, True])
async def test_what_waits_for_a_moderator_waits_no_longer_once_it_is_taken_away(
    database, remover, add, is_purge
):
    await add()
    now = utc_now()
    with database.transaction() as session:
        GenerationRepository(session).update("k7f3q", withheld=True, finished_at=now)
        ReviewRepository(session).begin("k7f3q", PENDING, now)
        ReviewRepository(session).note_asked("k7f3q", now)
    reviews, records = Reviews(database, utc_now), Records(database)
    assert (await reviews.overview(5)).waiting == 1
    if is_purge:
        await ModerationQueries(database, utc_now).purge(Actor(MO, 5), ANA)
    else:
        await remover.remove("k7f3q", actor_id=ANA, is_moderator=False)
    assert (await reviews.overview(5)).waiting == 0
    assert await records.undelivered() == {}, "its person is not told of a decision"
    with pytest.raises(GenerationRemoved):
        await reviews.decide(Actor(MO, 5), "k7f3q", approved=True)
    assert (await records.find("k7f3q")).withheld


async def test_the_end_of_what_nobody_holds_is_still_told(database, remover, add):
    await add()
    await remover.remove("k7f3q", actor_id=ANA, is_moderator=False)
    assert await Records(database).undelivered() == {"k7f3q": 0}
