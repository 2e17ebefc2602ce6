"""Moving every record from SQLite to PostgreSQL."""

import pytest
from sqlalchemy import create_engine, make_url, select

from db import transfer
from db.base import Base
from db.database import Database
from db.errors import BackupRefused
from db.repositories.generations import GenerationRepository
from db.repositories.outputs import NewOutput, OutputRepository
from db.tables import GenerationRow
from db.urls import normalise_url

OUTPUT = NewOutput(0, "0.png", "image/png", bytes(range(256)), thumbnail=b"small")


def rows_of(url):
    engine = create_engine(make_url(normalise_url(url)))
    with engine.connect() as connection:
        tables = Base.metadata.sorted_tables
        rows = {table.name: connection.execute(select(table)).all() for table in tables}
    engine.dispose()
    return {name: sorted(map(repr, found)) for name, found in rows.items()}


@pytest.fixture
async def filled_url(sqlite_url, facts, noon):
    """A SQLite database with more rows than are copied at a time, pictures among them."""
    database = Database(sqlite_url)
    with database.transaction() as session:
        for number in range(transfer.ROWS_AT_A_TIME + 5):
            row = GenerationRow(**facts(f"g{number}", seed=2**64 - 1 - number))
            GenerationRepository(session).add(row)
        OutputRepository(session).add_outputs("g0", [OUTPUT])
    await database.close()
    return sqlite_url


async def test_every_row_arrives_as_it_was(filled_url, postgres_url):
    told = {}
    await transfer.copy(filled_url, postgres_url, note=told.__setitem__)
    assert rows_of(postgres_url) == rows_of(filled_url)
    assert told["generations"] == transfer.ROWS_AT_A_TIME + 5
    assert set(told) == set(Base.metadata.tables)


async def test_numbers_go_on_after_the_copied_ones(filled_url, postgres_url):
    await transfer.copy(filled_url, postgres_url, note=lambda *_: None)
    database = Database(postgres_url)
    with database.transaction() as session:
        OutputRepository(session).add_outputs("g1", [OUTPUT])
    await database.close()
    assert len(rows_of(postgres_url)["outputs"]) == 2


async def test_a_copy_that_is_stopped_is_begun_again(filled_url, postgres_url):
    def stop(table, _count):
        if table == "outputs":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await transfer.copy(filled_url, postgres_url, note=stop)
    assert not any(rows_of(postgres_url).values())
    await transfer.copy(filled_url, postgres_url, note=lambda *_: None)
    assert rows_of(postgres_url) == rows_of(filled_url)


async def test_records_are_not_mixed_with_others(filled_url, postgres_url):
    await transfer.copy(filled_url, postgres_url, note=lambda *_: None)
    with pytest.raises(BackupRefused, match="holds records already"):
        await transfer.copy(filled_url, postgres_url, note=lambda *_: None)


async def test_only_to_postgresql(filled_url):
    with pytest.raises(BackupRefused, match="name postgresql://"):
        await transfer.copy(filled_url, filled_url, note=lambda *_: None)


async def test_nothing_is_copied_from_nothing(tmp_path, postgres_url):
    with pytest.raises(BackupRefused, match="db upgrade"):
        await transfer.copy(f"sqlite:///{tmp_path / 'no.db'}", postgres_url, note=lambda *_: None)
