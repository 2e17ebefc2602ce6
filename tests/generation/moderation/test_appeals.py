"""People answer once to a block or a refusal, and nobody to another's."""

from datetime import UTC, datetime

import pytest

from db.database import Database
from db.repositories.moderation.blocks import EVERYWHERE, BlockRepository
from db.tables import ReviewRow
from generation.errors import RequestRefused
from generation.moderation.appeals import MOST_OPEN, Appeals
from generation.request import Actor
from tests.support.rows import generation_row

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GUILD, ANA, BEN, MO = 5, 1, 2, 9


def refuse(session, id_, state="refused", user_id=ANA):
    row = generation_row(id_, user_id=user_id, guild_id=GUILD, created_at=NOON)
    session.add(row)
    session.flush()
    session.add(ReviewRow(generation_id=id_, state=state, created_at=NOON))


@pytest.fixture
async def appeals(sqlite_url):
    database = Database(sqlite_url)
    appeals = Appeals(database, lambda: NOON)
    appeals.write = database.write
    yield appeals
    await database.close()


async def test_a_refusal_is_answered_once_by_its_person_from_anywhere(appeals):
    await appeals.write(lambda session: refuse(session, "abcde"))
    with pytest.raises(RequestRefused, match="Only the person"):
        await appeals.submit(Actor(BEN, GUILD), "abcde", "it is mine")
    with pytest.raises(RequestRefused, match="Say in a sentence"):
        await appeals.submit(Actor(ANA, None), "abcde", " \u200b ")
    await appeals.submit(Actor(ANA, None), "abcde", "x" * 400)
    with pytest.raises(RequestRefused, match="appealed already"):
        await appeals.submit(Actor(ANA, GUILD), "abcde", "again")
    (appeal,), count = await appeals.list_open(GUILD, 10)
    assert (appeal.user_id, appeal.subject, appeal.text, count) == (ANA, "abcde", "x" * 300, 1)
    assert await appeals.list_open(6, 10) == ((), 0)
    assert not await appeals.close(Actor(MO, 6), appeal.id)
    assert await appeals.close(Actor(MO, GUILD), appeal.id)
    assert not await appeals.close(Actor(MO, GUILD), appeal.id)
    with pytest.raises(RequestRefused, match="appealed already"):
        await appeals.submit(Actor(ANA, GUILD), "abcde", "again")


async def test_there_must_be_something_to_appeal_against(appeals):
    await appeals.write(lambda session: refuse(session, "abcde", state="approved"))
    for generation_id in ("abcde", "nosuch"):
        with pytest.raises(RequestRefused):
            await appeals.submit(Actor(ANA, GUILD), generation_id, "please")
    facts = {"reason": "", "until": None, "actor_id": MO, "at": NOON}
    with pytest.raises(RequestRefused, match="No moderator of this server"):
        await appeals.submit(Actor(ANA, GUILD), None, "please")
    await appeals.write(lambda session: BlockRepository(session).put(ANA, EVERYWHERE, **facts))
    with pytest.raises(RequestRefused, match="No moderator of this server"):
        await appeals.submit(Actor(ANA, GUILD), None, "please")
    await appeals.write(lambda session: BlockRepository(session).put(BEN, GUILD, **facts))
    await appeals.submit(Actor(BEN, GUILD), None, "please")
    (appeal,), _ = await appeals.list_open(GUILD, 10)
    assert appeal.subject == "block 2026-03-01 12:00:00"


async def test_nobody_floods_the_list(appeals):
    for number in range(MOST_OPEN + 1):
        await appeals.write(lambda session, id_=f"made{number}": refuse(session, id_))
    for number in range(MOST_OPEN):
        await appeals.submit(Actor(ANA, GUILD), f"made{number}", "please")
    with pytest.raises(RequestRefused, match=f"{MOST_OPEN} of your appeals are open"):
        await appeals.submit(Actor(ANA, GUILD), f"made{MOST_OPEN}", "please")
    (first, *others), count = await appeals.list_open(GUILD, 2)
    assert (len(others), count) == (1, MOST_OPEN)
    await appeals.close(Actor(MO, GUILD), first.id)
    await appeals.submit(Actor(ANA, GUILD), f"made{MOST_OPEN}", "please")
