from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from db.repositories.generations import GenerationRepository
from db.tables import GenerationRow
from tests.support.rows import generation_facts

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def facts() -> Callable[..., dict[str, Any]]:
    """Everything a new generation needs, with what a test cares about in its place."""

    def build(id_: str, **changed: Any) -> dict[str, Any]:
        own = {"guild_id": 10, "channel_id": 100, "prompt": "a fox in the snow", "seed": 7}
        given = {"values": {"steps": 20}, "created_at": NOON}
        return generation_facts(id_, **own | given | changed)

    return build


@pytest.fixture
def add(database, facts):
    """Record a generation in a transaction of its own."""

    async def record(id_: str, **changed: Any) -> None:
        with database.transaction() as session:
            GenerationRepository(session).add(GenerationRow(**facts(id_, **changed)))

    return record
