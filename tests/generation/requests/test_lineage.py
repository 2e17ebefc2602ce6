"""What was derived from what."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.statements import counting_statements
from db.repositories.generations import GenerationRepository
from generation.errors import NotAllowedHere
from generation.history.records import Records
from generation.request import Requester
from generation.requests.lineage import Lineage
from tests.support.rows import generation_row
from tests.support.shipped import load_shipped
from workflows.folders.catalog import LIBRARY, Catalog

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANA = Requester(1, "ana", 9, 5)


@pytest.fixture
async def last_of_thirty(database):
    """A generation at the end of a lineage that starts with a workflow for adults."""
    with database.transaction() as session:
        for number in range(30):
            row = generation_row(
                f"g{number}",
                workflow="txt2img-sd" if number else "adults",
                parent_id=f"g{number - 1}" if number else None,
                created_at=NOON + timedelta(minutes=number),
            )
            GenerationRepository(session).add(row)
    return await Records(database).find("g29")


async def statements_of(database, catalog, generation):
    with counting_statements() as counter:
        await Lineage(Records(database).find_ancestors, catalog).check_age(generation, ANA)
    return counter.total()


async def test_no_ancestor_is_read_where_no_workflow_is_age_restricted(database, last_of_thirty):
    assert await statements_of(database, load_shipped(), last_of_thirty) == 0


async def test_all_ancestors_are_read_at_once(database, last_of_thirty, tmp_path):
    for name in ("adults", "others"):
        shutil.copytree(LIBRARY / "txt2img-sd", tmp_path / name)
    manifest = tmp_path / "others" / "workflow.toml"
    plain = manifest.read_text()
    manifest.write_text(f"{plain}\n[access]\nage_restricted = true\n")
    catalog = Catalog((LIBRARY, tmp_path))
    catalog.load()
    assert 0 < await statements_of(database, catalog, last_of_thirty) <= 2
    (tmp_path / "adults" / "workflow.toml").write_text(manifest.read_text())
    catalog.load()
    with pytest.raises(NotAllowedHere):
        await statements_of(database, catalog, last_of_thirty)
