import asyncio
from datetime import timedelta

from sqlalchemy import select

from db.repositories.charges import ChargeRepository
from db.repositories.guilds import GuildRepository
from db.repositories.people import PersonRepository
from db.tables import DIRECT_MESSAGES, PersonRow


async def test_a_person_is_known_by_the_newest_name(database, noon):
    with database.transaction() as session:
        people, charges = PersonRepository(session), ChargeRepository(session)
        assert charges.usage(1, 10, noon).last_request_at is None
        people.upsert(user_id=1, guild_id=10, name="ana", now=noon)
        row = session.get_one(PersonRow, (1, 10))
        assert (row.name, row.last_request_at) == ("ana", None)
        later = noon + timedelta(hours=1)
        people.upsert(user_id=1, guild_id=10, name="Ana", now=later, last_request_at=later)
        session.refresh(row)
        assert (row.name, row.last_request_at, row.created_at) == ("Ana", later, noon)
        people.upsert(user_id=1, guild_id=10, name="Ana", now=later)
        assert charges.usage(1, 10, noon).last_request_at == later
        assert charges.usage(1, None, noon).last_request_at is None


async def test_a_person_first_seen_twice_at_once_is_one_row(database, noon):
    async def see(name):
        with database.transaction() as session:
            PersonRepository(session).upsert(user_id=1, guild_id=None, name=name, now=noon)

    await asyncio.gather(*(see(f"ana{number}") for number in range(6)))
    with database.transaction() as session:
        PersonRepository(session).upsert(user_id=1, guild_id=0, name="ana", now=noon)
        assert [row.guild_id for row in session.scalars(select(PersonRow))] == [DIRECT_MESSAGES]


async def test_a_guild_begins_with_the_defaults_and_keeps_its_settings(database, noon):
    with database.transaction() as session:
        guilds = GuildRepository(session)
        row = guilds.get_or_create(10, now=noon)
        assert (row.timezone, row.paused, row.pictures) == ("UTC", False, None)
        guilds.update(10, timezone="Europe/Vienna", pictures=5)
        row = guilds.get_or_create(10, now=noon + timedelta(days=1))
        assert (row.timezone, row.pictures, row.created_at) == ("Europe/Vienna", 5, noon)
        assert (guilds.get_or_create(None, now=noon)).id == 0
