import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.database import Database
from db.repositories.charges import ChargeRepository, Spent
from db.repositories.generations import GenerationRepository
from db.tables import GenerationRow


@pytest.fixture
def charge(database):
    """Run one verb of the charges in a transaction of its own."""

    async def call(verb, *arguments, **named):
        with database.transaction() as session:
            return getattr(ChargeRepository(session), verb)(*arguments, **named)

    return call


@pytest.fixture
def reserve(charge, noon):
    async def call(id_, pictures=4, *, gpu_ms=0, user_id=1, guild_id=10, at=noon):
        spent = Spent(pictures, gpu_ms)
        return await charge("reserve", id_, user_id=user_id, guild_id=guild_id, spent=spent, at=at)

    return call


@pytest.fixture
def used(charge):
    """Pictures, and nothing else where no time was reserved."""

    async def call(*arguments):
        return (await charge("usage", *arguments)).spent.pictures

    return call


async def test_a_reservation_counts_at_once_and_only_once(used, reserve, noon):
    assert await reserve("a")
    assert not await reserve("a", 9)
    assert await used(1, 10, noon) == 4


async def test_settling_keeps_what_was_reserved(charge, used, reserve, noon):
    await reserve("a")
    assert await charge("settle", "a", Spent(4))
    assert not await charge("settle", "a", Spent(1))
    assert not await charge("refund", "a")
    assert await used(1, 10, noon) == 4


async def test_settling_for_another_amount_corrects_it(charge, used, reserve, noon):
    await reserve("a")
    assert await charge("settle", "a", Spent(3))
    assert await used(1, 10, noon) == 3


async def test_both_measures_are_kept_and_each_is_corrected_by_itself(charge, reserve, noon):
    await reserve("a", 4, gpu_ms=30_000)
    await reserve("b", 4, gpu_ms=30_000)
    assert await charge("settle", "a", Spent(4, 45_500))
    assert (await charge("usage", 1, 10, noon)).spent == Spent(8, 75_500)
    assert await charge("refund", "b")
    assert (await charge("usage", 1, 10, noon)).spent == Spent(4, 45_500)


async def test_a_refund_gives_everything_back_once(charge, used, reserve, noon):
    await reserve("a")
    assert await charge("refund", "a")
    assert not await charge("refund", "a")
    assert not await charge("settle", "a", Spent(4))
    assert await used(1, 10, noon) == 0


async def test_what_was_never_reserved_cannot_be_closed(charge, noon):
    assert not await charge("settle", "a", Spent(4))
    assert not await charge("refund", "a")


async def test_settle_and_refund_at_the_same_time_leave_one_of_them(charge, used, reserve, noon):
    await reserve("a")
    calls = [("settle", "a", Spent(4)), ("refund", "a")] * 5
    won = await asyncio.gather(*(charge(*call) for call in calls))
    assert won.count(True) == 1
    winner = calls[won.index(True)][0]
    assert await used(1, 10, noon) == (4 if winner == "settle" else 0)


async def test_a_late_refund_counts_for_the_day_of_the_reservation(charge, used, reserve, noon):
    yesterday = noon - timedelta(days=1)
    await reserve("a", at=yesterday)
    await charge("refund", "a")
    assert await used(1, 10, yesterday) == 0
    assert await used(1, 10, noon) == 0


async def test_usage_is_of_one_person_in_one_place_from_a_time_on(used, reserve, noon):
    await reserve("before", 1, at=noon - timedelta(microseconds=1))
    await reserve("first", 2, at=noon)
    await reserve("last", 12, at=noon + timedelta(days=1))
    await reserve("other person", 16, user_id=2)
    await reserve("other guild", 32, guild_id=11)
    await reserve("direct", 64, guild_id=None)
    assert await used(1, 10, noon) == 14
    assert await used(1, None, noon) == 64
    assert await used(1, 0, noon) == 64
    assert await used(3, 10, noon) == 0


async def test_parallel_requests_of_one_person_cannot_overspend(database, facts, used, noon):
    limit, cost = 10, 3

    async def submit(number):
        with database.transaction() as session:
            charges = ChargeRepository(session)
            charges.lock_guild(10)
            if charges.usage(1, 10, noon).spent.pictures + cost > limit:
                return False
            id_ = f"g{number}"
            GenerationRepository(session).add(GenerationRow(**facts(id_)))
            charges.reserve(id_, user_id=1, guild_id=10, spent=Spent(cost), at=noon)
            return True

    accepted = await asyncio.gather(*(submit(number) for number in range(12)))
    assert accepted.count(True) == limit // cost
    assert await used(1, 10, noon) == 9


async def test_a_guilds_lock_holds_up_that_guild_alone(postgres_url):
    """On SQLite a writing transaction is alone from its start."""
    database = Database(postgres_url)
    try:
        with database.transaction() as first:
            ChargeRepository(first).lock_guild(10)
            with database.transaction() as second:
                ChargeRepository(second).lock_guild(11)
                ChargeRepository(second).lock_guild(None)
            with database.transaction() as third:
                third.execute(text("SET LOCAL lock_timeout = '100ms'"))
                with pytest.raises(DBAPIError, match="lock timeout"):
                    ChargeRepository(third).lock_guild(10)
    finally:
        await database.close()
