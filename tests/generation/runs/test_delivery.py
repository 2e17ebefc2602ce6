"""The last that is told of a generation is what is recorded of it."""

import asyncio

import pytest

from db.repositories.generations import GenerationRepository
from db.repositories.moderation.reviews import PENDING, ReviewRepository
from db.repositories.outputs import NewOutput, OutputRepository
from generation.history.removal import Remover
from generation.media.imaging import describe
from generation.moderation.review import UNDO_TIME, Reviews
from generation.notifier import DeliveryImpossible, Receipt
from generation.request import Actor
from generation.runs.delivery import Delivery
from generation.service import utc_now
from tests.support.pictures import build_picture
from tests.support.rows import generation_row

ANA, MO, GUILD = 1, 2, 5
ID = "k7f3q"


class SlowNotifier:
    """Says what its generation's message shows; each telling waits to be let through."""

    def __init__(self):
        self.shows = []
        self.arrived = asyncio.Semaphore(0)
        self.let_through = asyncio.Semaphore(0)

    async def deliver(self, generation, contents):
        await self._show("refused" if generation.withheld else "pictures")
        return Receipt("https://discord.com/channels/5/9/11")

    async def tell_held(self, generation):
        await self._show("held")

    async def withdraw(self, generation):
        await self._show(f"nothing at {generation.message_url}")

    async def show(self, case, channel_id):
        raise NotImplementedError

    async def amend_case(self, case, place):
        raise NotImplementedError

    async def retract(self, place):
        raise NotImplementedError

    async def _show(self, what):
        self.arrived.release()
        await self.let_through.acquire()
        self.shows.append(what)


@pytest.fixture
def notifier():
    return SlowNotifier()


@pytest.fixture
def reviews(database, notifier):
    return Reviews(database, utc_now, notifier)


@pytest.fixture
def build_delivery(database, notifier, reviews):
    """One as each process has its own."""
    return lambda: Delivery(database, notifier, reviews, utc_now)


@pytest.fixture
async def made(database):
    """Add a result that ended; held where it is said."""

    async def add(*, is_held):
        now = utc_now()
        with database.transaction() as session:
            generations = GenerationRepository(session)
            generations.add(
                generation_row(
                    ID,
                    user_id=ANA,
                    guild_id=GUILD,
                    created_at=now,
                    withheld=is_held,
                    state="succeeded",
                )
            )
            if is_held:
                ReviewRepository(session).begin(ID, PENDING, now)

    return add


@pytest.fixture
def add_picture(database):
    """Record a picture of the result."""

    def add():
        picture = NewOutput(0, "a.png", "image/png", build_picture(size=(8, 8)))
        with database.transaction() as session:
            OutputRepository(session).add_outputs(ID, [picture])

    return add


@pytest.fixture
def find_thumbnail(database):
    """Return what is recorded of the picture's thumbnail."""

    def find():
        with database.transaction() as session:
            (output,) = OutputRepository(session).outputs(ID)
            return output.thumbnail

    return find


async def test_a_thumbnail_is_recorded_once_its_picture_is_delivered(
    made, add_picture, find_thumbnail, notifier, build_delivery
):
    await made(is_held=False)
    add_picture()
    telling = asyncio.create_task(build_delivery().deliver(ID))
    await notifier.arrived.acquire()
    assert find_thumbnail() is None, "nobody waits for it"
    notifier.let_through.release()
    await telling
    assert describe(find_thumbnail()).width == 8


async def test_moderators_get_the_thumbnail_of_what_they_decide_on(
    made, add_picture, find_thumbnail, notifier, build_delivery
):
    await made(is_held=True)
    add_picture()
    telling = asyncio.create_task(build_delivery().deliver(ID))
    await notifier.arrived.acquire()
    assert describe(find_thumbnail()).width == 8
    notifier.let_through.release()
    await telling


async def test_what_cannot_be_delivered_has_a_thumbnail_too(
    database, made, add_picture, find_thumbnail, build_delivery
):
    await made(is_held=False)
    add_picture()
    await build_delivery().give_up(ID)
    assert describe(find_thumbnail()).width == 8
    with database.transaction() as session:
        assert GenerationRepository(session).get(ID).given_up_at is not None


async def test_what_was_deleted_meanwhile_gets_no_thumbnail(database, made, add_picture):
    await made(is_held=False)
    add_picture()
    await Remover(database, utc_now).remove(ID, actor_id=ANA, is_moderator=False)
    with database.transaction() as session:
        OutputRepository(session).set_thumbnails(ID, {0: b"small"})
        (output,) = OutputRepository(session).outputs(ID)
        assert output.thumbnail is None


@pytest.mark.parametrize("approved", [True, False])
async def test_a_decision_while_its_person_is_told_to_wait_is_told_last(
    database, made, reviews, notifier, build_delivery, approved
):
    await made(is_held=True)
    delivery = build_delivery()
    telling = asyncio.create_task(delivery.deliver(ID))
    await notifier.arrived.acquire()
    await reviews.decide(Actor(MO, GUILD), ID, approved=approved)
    await Reviews(database, lambda: utc_now() + UNDO_TIME).finish_decisions()
    decided = asyncio.create_task(delivery.deliver(ID))
    for _ in range(3):
        notifier.let_through.release()
    await asyncio.gather(telling, decided)
    assert notifier.shows[0] == "held"
    assert set(notifier.shows[1:]) == {"pictures" if approved else "refused"}


async def test_what_another_process_told_first_is_told_again_by_the_one_it_overtook(
    made, reviews, notifier, build_delivery
):
    await made(is_held=True)
    slow = asyncio.create_task(build_delivery().deliver(ID))
    await notifier.arrived.acquire()
    await reviews.decide(Actor(MO, GUILD), ID, approved=True)
    quick = asyncio.create_task(build_delivery().deliver(ID))
    await notifier.arrived.acquire()
    for _ in range(3):
        notifier.let_through.release()
    await asyncio.gather(slow, quick)
    assert sorted(notifier.shows) == ["held", "pictures", "pictures"]
    assert notifier.shows[-1] == "pictures"


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_what_is_taken_away_while_it_is_told_is_taken_back(
    database, made, notifier, build_delivery, is_forgotten
):
    await made(is_held=False)
    telling = asyncio.create_task(build_delivery().deliver(ID))
    await notifier.arrived.acquire()
    if is_forgotten:
        with database.transaction() as session:
            GenerationRepository(session).delete_many([ID])
    else:
        await Remover(database, utc_now).remove(ID, actor_id=ANA, is_moderator=False)
    notifier.let_through.release()
    notifier.let_through.release()
    with pytest.raises(DeliveryImpossible):
        await telling
    assert notifier.shows == ["pictures", "nothing at https://discord.com/channels/5/9/11"]


async def test_a_held_result_that_is_taken_away_while_its_person_is_told_is_taken_back(
    database, made, notifier, build_delivery
):
    await made(is_held=True)
    telling = asyncio.create_task(build_delivery().deliver(ID))
    await notifier.arrived.acquire()
    await Remover(database, utc_now).remove(ID, actor_id=ANA, is_moderator=False)
    notifier.let_through.release()
    notifier.let_through.release()
    with pytest.raises(DeliveryImpossible):
        await telling
    assert notifier.shows == ["held", "nothing at None"]


async def test_what_has_not_ended_is_not_told_again(database, made, notifier, build_delivery):
    await made(is_held=False)
    with database.transaction() as session:
        GenerationRepository(session).move(
            ID, from_states={"succeeded"}, to="running", at=utc_now()
        )
    await build_delivery().repeat(ID)
    assert notifier.shows == []
