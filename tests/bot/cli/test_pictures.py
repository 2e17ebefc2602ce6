"""`limner pictures`: the list of the whole bot, from the console."""

import pytest

from bot.cli.pictures import export_pictures, import_pictures, list_pictures
from db.repositories.audit import AuditRepository

HASH = "0f" * 32


async def test_a_list_comes_in_is_shown_and_leaves(database, database_url, tmp_path):
    assert await list_pictures(database_url) == ["No pictures are blocked in all servers."]
    given, saved = tmp_path / "given.txt", tmp_path / "saved.txt"
    given.write_text(f"{HASH} a reason\n{HASH}\nnonsense\n")
    said = await import_pictures(database_url, given)
    assert said == "1 blocked, 1 were already. Lines without a hash: 3."
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
