"""`limner block`, `unblock` and `pictures`: for the whole bot, from the console."""

import pytest

from bot.cli.moderation import (
    block_person,
    export_pictures,
    import_pictures,
    list_pictures,
    unblock_person,
)
from db.repositories.audit import AuditRepository
from generation.errors import RequestRefused
from generation.moderation.blocks import Moderation
from generation.request import Requester
from generation.service import utc_now

HASH = "0f" * 32


async def test_a_person_is_blocked_in_all_servers_and_unblocked(database, database_url):
    said = await block_person(database_url, 77, days=None, reason="spam")
    assert said == "77 is blocked in all servers."
    requester = Requester(user_id=77, name="ana", channel_id=6, guild_id=5)
    with pytest.raises(RequestRefused, match="Reason"):
        await Moderation(database, utc_now).judge(requester, ())
    assert await unblock_person(database_url, 77) == "Unblocked 77."
    assert (await Moderation(database, utc_now).judge(requester, ())).flags == ()
    assert await unblock_person(database_url, 77) == "77 was not blocked in all servers."
    with database.transaction(read_only=True) as session:
        entries = AuditRepository(session).page(None, limit=5)
    assert [(one.action, one.subject) for one in entries] == [("unblock", "77"), ("block", "77")]


async def test_a_list_comes_in_is_shown_and_leaves(database, database_url, tmp_path):
    assert await list_pictures(database_url) == ["No pictures are blocked in all servers."]
    given, saved = tmp_path / "given.txt", tmp_path / "saved.txt"
    given.write_text(f"{HASH} a reason\n{HASH}\nnonsense\n")
    said = await import_pictures(database_url, given)
    assert said == "1 blocked, 1 already blocked. Lines without a hash: 3."
    (line,) = await list_pictures(database_url)
    assert HASH in line
    assert line.endswith("a reason")
    assert await export_pictures(database_url, saved) == 1
    assert saved.read_text() == f"{HASH} a reason\n"
    with database.transaction(read_only=True) as session:
        (entry,) = AuditRepository(session).page(None, limit=5)
    assert (entry.action, entry.actor_id) == ("import-pictures", 0)


async def test_a_list_that_is_too_long_is_refused(database, database_url, tmp_path):
    given = tmp_path / "given.txt"
    given.write_text("\n".join(f"{number:064x}" for number in range(20_001)))
    with pytest.raises(Exception, match="up to 20000 pictures"):
        await import_pictures(database_url, given)
