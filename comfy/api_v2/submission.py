"""Submission of jobs whose ids the service chooses, exactly once despite lost responses.

The prompt id is the idempotency key of every request that submits it, and its label where labels
are supported. If a submission got no response, the job is looked up by its label. If that is
impossible, the same key is sent once more: acceptance means that the first request had not arrived;
a refusal as reused means that it had, and its job cannot be found.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from comfy.api_v2.assets import upload_attached
from comfy.api_v2.errors import KeyReused, TryLater, refuses_label, require_taken
from comfy.api_v2.job_store import JobStore, SentJob
from comfy.api_v2.jobs import JOBS, LABEL, Job, is_labelled, parse_job
from comfy.backend import Graph
from comfy.errors import (
    BackendRefused,
    BackendUnreachable,
    ComfyError,
    NotComfyUI,
    OutcomeUnknown,
)
from comfy.http.client import HttpClient
from comfy.http.errors import NeverSent
from comfy.http.response import HttpResponse
from comfy.timeouts import Timing

KEY_LIFETIME = timedelta(hours=23)
"""How long a key may be sent again after its first use: services forget keys after 24 h."""

_LABEL_FORMS: tuple[Callable[[str], object], ...] = (
    lambda prompt_id: {LABEL: prompt_id},
    lambda prompt_id: f"{LABEL}={prompt_id}",
    lambda _: None,
)
"""Forms of labels: of deployments, of comfy-api-proxy, and none for Comfy Cloud."""

_CANNOT_LIST = frozenset({400, 404, 405, 422, 501})
_PASSING = (BackendUnreachable, TryLater)


class NotListed(ComfyError):
    """The service cannot list jobs, so none can be looked up."""


class JobSubmitter:
    """Submits graphs, or finds their existing jobs.

    `now` returns an aware time; `find_key` returns the key for a graph with partner nodes.
    """

    def __init__(
        self,
        http: HttpClient,
        store: JobStore,
        timing: Timing,
        *,
        find_key: Callable[[Graph], str | None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = http
        self._store = store
        self._timing = timing
        self._find_key = find_key
        self._now = now
        self._label_form = 0

    async def submit(self, prompt_id: str, graph: Graph, *, is_new: bool) -> tuple[Job, bool]:
        """Return the job of a prompt id, and whether the service had it already.

        The status of a job that was found again is "unknown", because it is not polled. Raises
        OutcomeUnknown if the service may have run it and does not tell; after every other
        ComfyError nothing ran.
        """
        sent = None if is_new else await self._store.find(prompt_id)
        if sent is None:
            job = await self._send_first(prompt_id, graph)
            if job is not None:
                return job, False
            sent = SentJob(self._now())
        if sent.job_id is not None:
            return Job(sent.job_id, "unknown", {}), True
        return await self._recover(prompt_id, graph, sent)

    async def find_job_id(self, prompt_id: str) -> str | None:
        """Return the job id of a submitted prompt id, if it can be known."""
        sent = await self._store.find(prompt_id)
        if sent is None or sent.job_id is not None:
            return sent.job_id if sent else None
        try:
            return await self._look_up(prompt_id)
        except NotListed:
            return None

    async def _send_first(self, prompt_id: str, graph: Graph) -> Job | None:
        """Submit for the first time; return the job, None if the outcome is unknown."""
        workflow = await upload_attached(self._http, graph)
        # Before the request: after a crash in between, the job may exist and is looked up.
        await self._store.remember_sending(prompt_id, self._now())
        try:
            return await self._post_with_retries(prompt_id, workflow)
        except (KeyReused, BackendUnreachable) as error:
            if not isinstance(error, NeverSent):
                return None
            await self._store.forget(prompt_id)
            raise
        except ComfyError:
            await self._store.forget(prompt_id)
            raise

    async def _recover(self, prompt_id: str, graph: Graph, sent: SentJob) -> tuple[Job, bool]:
        """Resolve a submission whose response was lost, in this process or an earlier one."""
        deadline = time.monotonic() + self._timing.unknown
        sendings, is_reused = sent.sendings, False
        while time.monotonic() < deadline:
            is_listed, job_id = True, None
            try:
                job_id = await self._search(prompt_id)
            except NotListed:
                is_listed = False
            except _PASSING:
                await asyncio.sleep(self._timing.lookup_pause)
                continue
            except ComfyError as error:
                raise self._unknown() from error
            if job_id is not None:
                await self._note_job(prompt_id, job_id)
                return Job(job_id, "unknown", {}), True
            is_expired = self._now() - sent.sent_at >= KEY_LIFETIME
            # Another submission proves nothing: the key has expired, or the job cannot be found.
            if is_expired or (not is_listed and (is_reused or sendings > 1)):
                break
            if is_reused:
                continue
            sendings += 1
            try:
                workflow = await upload_attached(self._http, graph)
                await self._store.remember_sending(prompt_id, self._now())
                return await self._post_with_retries(prompt_id, workflow), False
            except KeyReused:
                is_reused = True
            except NeverSent:
                sendings -= 1
            except BackendUnreachable:
                pass
            except ComfyError as error:
                # This does not concern the first submission, which may have been accepted.
                raise self._unknown() from error
        raise self._unknown()

    async def _post_with_retries(self, prompt_id: str, workflow: Graph) -> Job:
        """Submit, repeating while the service says "later", which means that nothing ran."""
        deadline = time.monotonic() + self._timing.unavailable
        while True:
            try:
                return await self._post(prompt_id, workflow)
            except TryLater as later:
                pause_s = self._timing.poll_most if later.pause_s is None else later.pause_s
                if time.monotonic() + pause_s > deadline:
                    raise
                await asyncio.sleep(pause_s)

    async def _post(self, prompt_id: str, workflow: Graph) -> Job:
        """Submit. BackendUnreachable, unless it is NeverSent, means that it may have arrived."""
        form = self._label_form
        answer = await self._post_once(prompt_id, workflow, _LABEL_FORMS[form])
        while form < len(_LABEL_FORMS) - 1 and refuses_label(answer):
            form += 1
            answer = await self._post_once(prompt_id, workflow, _LABEL_FORMS[form])
        # `max`, because another submission may have tried a later form meanwhile.
        self._label_form = max(self._label_form, form)
        require_taken(self._http, answer)
        job = parse_job(answer.document, workflow)
        if job is None:
            raise BackendUnreachable(f"{self._http.name} does not say which job it made.")
        await self._note_job(prompt_id, job.id)
        return job

    async def _post_once(
        self, prompt_id: str, workflow: Graph, build_label: Callable[[str], object]
    ) -> HttpResponse:
        body: dict[str, Any] = {"workflow": workflow}
        if (label := build_label(prompt_id)) is not None:
            body["metadata"] = label
        if (key := self._find_key(workflow)) is not None:
            body["extra_data"] = {"api_key_comfy_org": key}
        try:
            return await self._http.exchange(
                "POST",
                JOBS,
                body=body,
                headers={"Idempotency-Key": prompt_id},
                timeout=self._timing.submission,
            )
        except (NotComfyUI, BackendRefused) as error:
            # An unreadable response does not mean that nothing ran.
            raise BackendUnreachable(str(error)) from error

    async def _search(self, prompt_id: str) -> str | None:
        """Look a job up until it should be listed. Raises NotListed, BackendUnreachable."""
        deadline = time.monotonic() + self._timing.lookup
        while True:
            job_id = await self._look_up(prompt_id)
            if job_id is not None or time.monotonic() > deadline:
                return job_id
            await asyncio.sleep(self._timing.lookup_pause)

    async def _look_up(self, prompt_id: str) -> str | None:
        items = await self._list(prompt_id)
        told = [is_labelled(item, prompt_id) for item in items]
        if True in told:
            return str(items[told.index(True)].get("id"))
        # A list without labels counts if it is filtered: a random label must give an empty one.
        if told == [None] and not await self._list(str(uuid.uuid4())):
            return str(items[0].get("id"))
        return None

    async def _list(self, label: str) -> list[Mapping[str, Any]]:
        answer = await self._http.exchange("GET", JOBS, query={f"metadata[{LABEL}]": label})
        if answer.status in _CANNOT_LIST:
            raise NotListed(f"{self._http.name} does not list jobs.")
        require_taken(self._http, answer)
        jobs = answer.document.get("jobs") if isinstance(answer.document, dict) else None
        return [job for job in jobs if isinstance(job, dict)] if isinstance(jobs, list) else []

    async def _note_job(self, prompt_id: str, job_id: str) -> None:
        """Record the job id, even if the caller is cancelled meanwhile."""
        # Without its id a job that costs money could not be found again, let alone cancelled.
        await asyncio.shield(asyncio.ensure_future(self._store.remember_job(prompt_id, job_id)))

    def _unknown(self) -> OutcomeUnknown:
        return OutcomeUnknown(f"{self._http.name} may have run it, and does not say.")
