import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.database import Database
from db.errors import BackupRefused, DatabaseTooNew, DatabaseUnreadable
from db.maintenance import Stats, backup, restore, stats
from db.repositories.generations import GenerationFilter, GenerationRepository
from db.repositories.outputs import NewOutput, OutputRepository
from db.tables import GenerationRow


async def total(url):
    database = Database(url)
    with database.transaction(read_only=True) as session:
        count = GenerationRepository(session).total(GenerationFilter())
    await database.close()
    return count


async def test_a_backup_holds_what_was_committed_while_a_writer_writes(sqlite_url, facts, tmp_path):
    database = Database(sqlite_url)
    with database.transaction() as session:
        GenerationRepository(session).add(GenerationRow(**facts("committed")))
    with database.transaction() as session:
        GenerationRepository(session).add(GenerationRow(**facts("open")))
        await backup(sqlite_url, tmp_path / "copy.db")
    await database.close()
    assert await total(f"sqlite:///{tmp_path / 'copy.db'}") == 1
    assert await total(sqlite_url) == 2


async def test_a_backup_taken_during_many_writes_is_whole(sqlite_url, facts, tmp_path):
    database = Database(sqlite_url)

    async def write():
        for number in range(30):
            with database.transaction() as session:
                generations = GenerationRepository(session)
                for half in ("a", "b"):
                    generations.add(GenerationRow(**facts(f"g{number}{half}")))

    writing = asyncio.create_task(write())
    await backup(sqlite_url, tmp_path / "copy.db")
    await writing
    await database.close()
    assert await total(f"sqlite:///{tmp_path / 'copy.db'}") % 2 == 0


async def test_a_backup_never_overwrites(sqlite_url, tmp_path):
    path = tmp_path / "copy.db"
    path.write_text("precious")
    with pytest.raises(BackupRefused, match="exists already"):
        await backup(sqlite_url, path)
    assert path.read_text() == "precious"


async def test_a_backup_of_nothing_or_to_nowhere_is_refused(sqlite_url, tmp_path):
    with pytest.raises(BackupRefused, match="nothing to copy"):
        await backup(f"sqlite:///{tmp_path / 'missing.db'}", tmp_path / "copy.db")
    with pytest.raises(BackupRefused, match="no folder"):
        await backup(sqlite_url, tmp_path / "missing" / "copy.db")


async def test_a_backup_that_cannot_be_written_names_that_place(sqlite_url, tmp_path):
    (tmp_path / "copy.db.unfinished").mkdir()
    with pytest.raises(BackupRefused, match=r"copy\.db cannot be written"):
        await backup(sqlite_url, tmp_path / "copy.db")


async def test_a_backup_of_what_is_no_database_leaves_nothing_behind(tmp_path):
    (tmp_path / "diary.db").write_text("Dear diary. " * 500)
    with pytest.raises(DatabaseUnreadable):
        await backup(f"sqlite:///{tmp_path / 'diary.db'}", tmp_path / "copy.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["diary.db"]


async def test_postgresql_has_its_own_program_for_backups():
    with pytest.raises(BackupRefused, match="pg_dump"):
        await backup("postgresql://127.0.0.1/limner", Path("copy.db"))


async def test_stats_count_rows_and_bytes(database_url, database, facts):
    with database.transaction() as session:
        generations = GenerationRepository(session)
        generations.add(GenerationRow(**facts("a")))
        OutputRepository(session).add_outputs(
            "a", [NewOutput(0, "0.png", "image/png", b"x" * 1000, thumbnail=b"y" * 10)]
        )
    found = await stats(database_url)
    assert (found.rows["generations"], found.rows["outputs"], found.rows["people"]) == (1, 1, 0)
    assert (found.content_bytes, found.thumbnail_bytes) == (1000, 10)
    assert found.total_bytes > 1000
    assert found.table_bytes.keys() == found.rows.keys()
    assert sum(found.table_bytes.values()) <= found.total_bytes
    assert found.table_bytes["generations"] > 0


@pytest.mark.parametrize("statement", ["SELECT 1", "CREATE TABLE diary (day TEXT)"])
async def test_a_backup_of_what_holds_nothing_of_ours_is_refused(tmp_path, statement):
    with closing(sqlite3.connect(tmp_path / "empty.db")) as connection:
        connection.execute(statement)
    (tmp_path / "empty.db").touch()
    with pytest.raises(BackupRefused, match=r"empty\.db holds nothing of Limner yet"):
        await backup(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir()] == ["empty.db"]


def test_stats_are_written_as_a_table():
    rows, sizes = {"audit": 1, "generations": 12_345}, {"audit": 2**19, "generations": 3 * 2**20}
    found = Stats(rows, sizes, 5 * 2**20, 2**19, 4 * 2**20)
    assert found.lines() == (
        "audit                          1 row          0.5 MiB",
        "generations               12,345 rows         3.0 MiB",
        "thumbnails                   0.5 MiB",
        "pictures                     4.0 MiB",
        "whole database               5.0 MiB",
    )


def test_stats_without_the_bytes_of_tables():
    found = Stats({"audit": 1}, {}, 5 * 2**20, 2**19, 4 * 2**20)
    assert found.lines()[0] == "audit                          1 row"


async def record(url, facts, id_):
    database = Database(url)
    with database.transaction() as session:
        GenerationRepository(session).add(GenerationRow(**facts(id_)))
    await database.close()


async def test_a_backup_is_brought_back(sqlite_url, facts, tmp_path):
    await record(sqlite_url, facts, "kept")
    await backup(sqlite_url, tmp_path / "copy.db")
    await record(sqlite_url, facts, "later")
    await restore(sqlite_url, tmp_path / "copy.db")
    assert await total(sqlite_url) == 1
    await restore(f"sqlite:///{tmp_path / 'new' / 'limner.db'}", tmp_path / "copy.db")
    assert await total(f"sqlite:///{tmp_path / 'new' / 'limner.db'}") == 1


def damage(path):
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 8192)


def make_newer(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE limner_revision SET version_num = '9999'")


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (damage, BackupRefused, "damaged"),
        (make_newer, DatabaseTooNew, "newer Limner"),
        (lambda path: path.write_bytes(b"diary"), BackupRefused, "not a backup"),
        (lambda path: path.write_bytes(b""), BackupRefused, "not a backup"),
        (lambda path: path.unlink(), BackupRefused, "no file"),
    ],
)
async def test_what_is_no_whole_backup_replaces_nothing(
    sqlite_url, facts, tmp_path, spoil, error, sentence
):
    await backup(sqlite_url, tmp_path / "copy.db")
    spoil(tmp_path / "copy.db")
    await record(sqlite_url, facts, "kept")
    with pytest.raises(error, match=sentence):
        await restore(sqlite_url, tmp_path / "copy.db")
    assert await total(sqlite_url) == 1
    assert not list(tmp_path.glob("*.restoring"))
