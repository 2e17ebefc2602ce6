"""Look-up of prompt ids on a backend, and the requests that stop one."""

import asyncio
import time
from http import HTTPStatus
from urllib.parse import quote

from comfy.errors import BackendUnreachable
from comfy.http.client import HttpClient
from comfy.protocol.responses import (
    QueueState,
    RunRecord,
    Whereabouts,
    parse_jobs,
    parse_queue,
    parse_record,
)
from comfy.timeouts import Timing


class RunLookup:
    """Queries by the jobs API if the server has it, else by /queue and /history.

    The queue is always queried before the history: in the other order, a run that ends in between
    would be found in neither.
    """

    def __init__(self, http: HttpClient, timing: Timing) -> None:
        self._http = http
        self._timing = timing
        self._has_jobs_api: bool | None = None

    def forget_api(self) -> None:
        """Detect the server's API again after a reconnect: it may have been updated."""
        self._has_jobs_api = None

    async def look_up(self, prompt_id: str) -> Whereabouts:
        """Return the state or record of a prompt id; None if the server knows neither."""
        if await self._detect_jobs_api():
            answer = await self._http.exchange("GET", f"api/jobs/{quote(prompt_id, safe='')}")
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            self._http.require_ok(answer)
            states = parse_jobs({"jobs": [answer.document]}) or {}
        else:
            states = await self.fetch_queue()
        return states.get(prompt_id) or await self.find_record(prompt_id)

    async def fetch_queue(self) -> dict[str, QueueState]:
        """Return everything that waits or runs. The jobs API leaves out the graphs."""
        if await self._detect_jobs_api():
            query = {"status": "pending,in_progress"}
            states = parse_jobs(await self._http.fetch_json("api/jobs", query=query))
        else:
            states = parse_queue(await self._http.fetch_json("queue"))
        return self._http.require(states)

    async def find_record(self, prompt_id: str) -> RunRecord | None:
        """Return the record of an ended run."""
        answer = await self._http.fetch_json(f"history/{quote(prompt_id, safe='')}")
        return parse_record(prompt_id, answer)

    async def wait_for_record(self, prompt_id: str) -> RunRecord | None:
        """Return the record, which may appear a moment after the message of the end."""
        deadline = time.monotonic() + self._timing.record
        pause = self._timing.record_pause
        while True:
            try:
                record = await self.find_record(prompt_id)
            except BackendUnreachable:
                if time.monotonic() > deadline:
                    raise
                record = None
            if record is not None or time.monotonic() > deadline:
                return record
            await asyncio.sleep(pause)
            pause *= 2

    async def stop(self, prompt_id: str, state: QueueState) -> None:
        """Request once to stop this prompt id and no other; the result must be verified.

        An interrupt always has the prompt id: without one the server stops any running graph.
        """
        if await self._detect_jobs_api():
            await self._post(f"api/jobs/{quote(prompt_id, safe='')}/cancel", None)
        elif state is QueueState.WAITING:
            await self._post("queue", {"delete": [prompt_id]})
        else:
            await self._post("interrupt", {"prompt_id": prompt_id})

    async def _detect_jobs_api(self) -> bool:
        """Detect the jobs API when first needed after a connect: most runs never need it."""
        if self._has_jobs_api is None:
            query = {"status": "pending", "limit": "1"}
            answer = await self._http.exchange("GET", "api/jobs", query=query)
            if answer.status != HTTPStatus.NOT_FOUND:
                self._http.require_ok(answer)
            # The status alone proves nothing: a proxy may answer any path with a page of its own.
            self._has_jobs_api = parse_jobs(answer.document) is not None
        return self._has_jobs_api

    async def _post(self, path: str, body: object) -> None:
        answer = await self._http.exchange("POST", path, body=body)
        self._http.require_ok(answer)
