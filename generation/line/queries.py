"""Queries of the workflows that the engine has recorded."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from dbos import DBOSClient

from db.error_translation import translated
from generation.line.serializer import JSONSerializer
from generation.line.settings import EngineSettings
from generation.line.workflows import ATTEMPT, ENDED, OPEN, Attempt, OpenWorkflow, attempt_id

BATCH = 200
"""Workflows queried in one statement: SQLite limits its parameters."""


class EngineQueries:
    """Reads the engine's tables. Every method raises DatabaseUnavailable during an outage.

    The engine's own calls would wait for the end of the outage instead, each in a thread that
    tries again after up to 90 seconds.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._url = settings.url
        self._client = DBOSClient(
            system_database_url=settings.url,
            serializer=JSONSerializer(),
            system_database_pool_size=1,
            lazy=True,
            retry_connection_errors=False,
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.destroy()

    async def find_open(self) -> tuple[OpenWorkflow, ...]:
        """Return every workflow that has not ended."""
        return tuple(
            OpenWorkflow(one.workflow_id, one.name, one.executor_id, _read_attempt(one))
            for one in await self._list(status=list(OPEN), load_output=False)
        )

    async def find_attempts(
        self, generation_ids: Collection[str], most: int
    ) -> dict[str, list[Attempt]]:
        """Return the recorded attempts of these generations, in order; up to `most` of each."""
        first = await self._find([attempt_id(one, 0) for one in generation_ids])
        started = [one.generation_id for one in first]
        later = await self._find([attempt_id(one, n) for one in started for n in range(1, most)])
        attempts: dict[str, list[Attempt]] = {}
        for one in sorted([*first, *later], key=lambda attempt: attempt.number):
            attempts.setdefault(one.generation_id, []).append(one)
        return attempts

    async def find_states(self, ids: Collection[str]) -> Mapping[str, str]:
        """Return the state of each of these workflows that the engine knows."""
        workflows = await self._list_these(list(ids), load_input=False, load_output=False)
        return {workflow.workflow_id: workflow.status for workflow in workflows}

    async def find_ended(self, before: datetime) -> list[str]:
        """Return the ids of some workflows that ended before that time; none if there are none."""
        ended = await self._list(
            status=sorted(ENDED),
            completed_before=before.isoformat(),
            limit=BATCH,
            load_input=False,
            load_output=False,
        )
        return [workflow.workflow_id for workflow in ended]

    async def _find(self, ids: list[str]) -> list[Attempt]:
        attempts = map(_read_attempt, await self._list_these(ids))
        return [attempt for attempt in attempts if attempt is not None]

    async def _list_these(self, ids: list[str], **options: Any) -> list[Any]:  # noqa: ANN401 - the engine's
        workflows: list[Any] = []
        for start in range(0, len(ids), BATCH):
            workflows += await self._list(workflow_ids=ids[start : start + BATCH], **options)
        return workflows

    async def _list(self, **options: Any) -> list[Any]:  # noqa: ANN401 - the engine's own options
        with translated(self._url):
            return await self._client.list_workflows_async(**options)


def _read_attempt(workflow: Any) -> Attempt | None:  # noqa: ANN401 - the engine's own type is private
    generation_id, _, number = workflow.workflow_id.partition(":")
    if workflow.name != ATTEMPT or not number.isdecimal() or workflow.input is None:
        return None
    _, backend, index = workflow.input["args"]
    output = workflow.output
    was_lost = isinstance(output, dict) and output.get("ended") == "lost"
    return Attempt(generation_id, int(number), backend, index, workflow.status, was_lost)
