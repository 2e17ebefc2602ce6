from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from db.repositories.generations import GenerationRepository
from db.tables import GenerationRow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def facts() -> Callable[..., dict[str, Any]]:
    """Everything a new generation needs, with what a test cares about in its place."""

    def build(id_: str, **changed: Any) -> dict[str, Any]:
        return {
            "id": id_,
            "user_id": 1,
            "user_name": "ana",
            "guild_id": 10,
            "channel_id": 100,
            "workflow": "txt2img-sd",
            "prompt": "a fox in the snow",
            "values": {"steps": 20},
            "seed": 7,
            "cost": 1,
            "private": False,
            "spoiler": False,
            "created_at": NOON,
        } | changed

    return build


@pytest.fixture
def add(database, facts):
    """Record a generation in a transaction of its own."""

    async def record(id_: str, **changed: Any) -> None:
        with database.transaction() as session:
            GenerationRepository(session).add(GenerationRow(**facts(id_, **changed)))

    return record
