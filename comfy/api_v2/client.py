"""A backend that speaks the Comfy API v2."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from comfy.api_v2.assets import AttachedPicture, fetch
from comfy.api_v2.errors import TryLater, code_of, require_available
from comfy.api_v2.following import JobFollower, fetch_job
from comfy.api_v2.job_store import JobStore
from comfy.api_v2.jobs import JOBS, Job
from comfy.api_v2.submission import JobSubmitter
from comfy.backend import (
    STALL_AFTER_S,
    CancelOutcome,
    Graph,
    check_extension,
    check_prompt_id,
)
from comfy.errors import (
    BackendRefused,
    BackendUnreachable,
    ComfyError,
    NotComfyUI,
    RunInterrupted,
    RunStalled,
)
from comfy.http.client import HttpClient
from comfy.http.public_addresses import is_public_host
from comfy.http.response import HttpResponse
from comfy.http_backend import HttpBackend
from comfy.mailbox import Mailbox
from comfy.protocol.events import OutputFile, RunEvent, Submitted
from comfy.protocol.object_info import ObjectInfo
from comfy.protocol.responses import BackendDescription
from comfy.saved_object_info import load_object_info
from comfy.settings import BackendSettings
from comfy.timeouts import PAUSE_GROWTH, Timing

COMFY_CLOUD = "cloud.comfy.org"
"""Host that offers ComfyUI's older API beside v2, including /api/object_info."""

_DEPLOYMENTS = ".run.comfy.app"
_NO_JOB = "00000000-0000-0000-0000-000000000000"


class ComfyApiV2(HttpBackend):
    """A Backend for hosted services; use it from one event loop.

    The service chooses the ids of its jobs: `store` keeps which job a prompt id became. Once a
    graph may have been sent, `run` does not raise BackendUnreachable before it is closed: it waits
    for the service, and ends with OutcomeUnknown or RunStalled. After any other error a caller may
    try elsewhere without paying twice.
    """

    def __init__(
        self, settings: BackendSettings, store: JobStore, timing: Timing | None = None
    ) -> None:
        super().__init__(settings, timing)
        self._submitter = JobSubmitter(self._http, store, self._timing, find_key=self._find_key)
        self._followed: dict[str, list[Mailbox]] = {}
        self._submitting: dict[str, asyncio.Event] = {}
        self._trying: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start connecting, with retries; returns at once."""
        if self._trying is None:
            self._trying = asyncio.create_task(self._keep_trying(), name=f"reach {self.name}")

    async def close(self) -> None:
        """End open runs with BackendUnreachable. May be called twice."""
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait([self._trying])
        error = BackendUnreachable(f"The connection to {self.name} was closed.")
        for mailbox in [box for boxes in self._followed.values() for box in boxes]:
            mailbox.fail(error)
        await self._http.close()

    async def fetch_description(self) -> BackendDescription:
        """Return what the service is; verifies that it speaks the API and accepts the key."""
        answer = await self._probe()
        if code_of(answer) != "not_found":
            require_available(self._http, answer)
            if answer.status != HTTPStatus.NOT_FOUND:
                self._http.require_ok(answer)
            raise NotComfyUI(f"{self.name} answers, but not as the Comfy API v2 does.")
        surface = await self._find_surface()
        lacks = ["load", "memory"]
        listed = await self._http.exchange("GET", JOBS, query={"limit": "1"})
        if listed.status != HTTPStatus.OK:
            lacks.append("list of jobs")
        return BackendDescription("v2", (), surface=surface, lacks=tuple(lacks))

    async def fetch_load(self) -> None:
        """Return None: the API does not report it."""

    async def upload_image(self, content: bytes, *, extension: str) -> str:
        """Return the picture for a graph of this backend; it is uploaded with that graph."""
        check_extension(extension)
        return AttachedPicture(content, extension)

    async def run(
        self,
        graph: Graph,
        prompt_id: str | None = None,
        *,
        previews: bool = True,
        is_new: bool = False,
        stall_after_s: float = STALL_AFTER_S,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run the graph, or follow the job that this prompt id already became, to its end."""
        is_new = is_new or prompt_id is None
        prompt_id = check_prompt_id(prompt_id)
        submitted = self._submitting.setdefault(prompt_id, asyncio.Event())
        try:
            job, was_known = await self._submitter.submit(prompt_id, graph, is_new=is_new)
        finally:
            self._submitting.pop(prompt_id, None)
            submitted.set()
        mailbox = Mailbox()
        self._followed.setdefault(prompt_id, []).append(mailbox)
        follower = JobFollower(
            self._http,
            self._timing,
            job,
            graph,
            mailbox,
            previews=previews,
            stall_after_s=stall_after_s,
        )
        task = asyncio.create_task(follower.follow(), name=f"follow {prompt_id} on {self.name}")
        try:
            yield Submitted(prompt_id, was_known)
            while (event := await mailbox.get()) is not None:
                yield event
        finally:
            task.cancel()
            await asyncio.wait([task])
            siblings = self._followed[prompt_id]
            siblings.remove(mailbox)
            if not siblings:
                del self._followed[prompt_id]

    async def fetch_output(self, output: OutputFile, *, max_bytes: int) -> bytes:
        """Download one result. Raises OutputGone, or BackendRefused if it is larger."""
        return await fetch(self._http, self._timing, output, max_bytes=max_bytes)

    async def cancel(self, prompt_id: str) -> CancelOutcome:
        """Cancel the job of this prompt id, and verify that it ended.

        Raises RunStalled if it still runs after a minute.
        """
        deadline = time.monotonic() + self._timing.cancel
        if submission := self._submitting.get(prompt_id):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.cancel):
                    await submission.wait()
        job_id = await self._submitter.find_job_id(prompt_id)
        if job_id is None:
            return CancelOutcome.UNKNOWN
        outcome = await self._cancel_job(Job(job_id, "unknown", {}), deadline)
        if outcome is CancelOutcome.CANCELLED:
            for mailbox in self._followed.get(prompt_id, ()):
                mailbox.fail(RunInterrupted("The run was cancelled."))
        return outcome

    async def _cancel_job(self, job: Job, deadline: float) -> CancelOutcome:
        pause, was_asked, ask_at = self._timing.cancel_pause, False, 0.0
        while True:
            try:
                fresh = await fetch_job(self._http, job, {})
                if fresh is None or fresh.status in {"canceled", "expired"}:
                    # A waiting job that is cancelled is deleted, or reported as expired.
                    is_gone = fresh is None or fresh.status == "expired"
                    is_ours = was_asked or not is_gone
                    return CancelOutcome.CANCELLED if is_ours else CancelOutcome.ALREADY_ENDED
                if fresh.is_ended:
                    return CancelOutcome.ALREADY_ENDED
                job = fresh
                if time.monotonic() >= ask_at:
                    await fetch_job(self._http, job, {}, link="cancel")
                    was_asked = True
                    ask_at = time.monotonic() + self._timing.cancel_repeat
            except TryLater as later:
                pause = later.pause_s or pause
            if time.monotonic() + pause > deadline:
                raise RunStalled(f"The run did not stop within {self._timing.cancel:g} s.")
            await asyncio.sleep(pause)
            pause = min(pause * PAUSE_GROWTH, self._timing.cancel_repeat)

    async def _keep_trying(self) -> None:
        pause = self._timing.backoff_first
        while True:
            if not self.is_reachable:
                with contextlib.suppress(ComfyError):
                    await self._probe()
                pause = min(pause * 2, self._timing.backoff_most)
            await asyncio.sleep(self._timing.backoff_most if self.is_reachable else pause)

    async def _probe(self) -> HttpResponse:
        """Request a job that does not exist: every service answers, and starts nothing."""
        return await self._http.exchange("GET", f"{JOBS}/{_NO_JOB}")

    async def _find_surface(self) -> str:
        host = urlsplit(self._settings.url).hostname or ""
        if host == COMFY_CLOUD:
            return "Comfy Cloud"
        if host.endswith(_DEPLOYMENTS):
            return "serverless deployment"
        return "comfy-api-proxy" if await self._find_proxied() else "unknown service"

    async def _find_proxied(self) -> str | None:
        """Return the URL of the ComfyUI behind a comfy-api-proxy, from its health response."""
        answer = await self._http.exchange("GET", "api/v2/health")
        upstream = answer.document.get("upstream") if isinstance(answer.document, dict) else None
        return upstream if isinstance(upstream, str) else None

    async def _load_object_info(self) -> ObjectInfo:
        """Load node classes from the saved file, or from the service if it has them."""
        if self._settings.object_info is not None:
            return await asyncio.to_thread(self._load_saved, self._settings.object_info)
        host = urlsplit(self._settings.url).hostname or ""
        if host == COMFY_CLOUD:
            key = {"X-API-Key": self._settings.bearer_token or ""}
            return await self._fetch_object_info(self._http, "api/object_info", key)
        proxied = None if await is_public_host(host) else await self._find_proxied()
        if proxied is None:
            raise BackendRefused(
                f"{self.name} does not list its nodes: save ComfyUI's /object_info as a file and "
                "name it as object_info in backends.toml.",
                status=501,
            )
        # Only within our own network: a public service might name one of our addresses.
        comfyui = HttpClient(
            BackendSettings(proxied, name=f"the ComfyUI behind {self.name}"), self._timing
        )
        try:
            return await self._fetch_object_info(comfyui, "object_info", {})
        finally:
            await comfyui.close()

    async def _fetch_object_info(
        self, http: HttpClient, path: str, headers: dict[str, str]
    ) -> ObjectInfo:
        answer = await http.exchange("GET", path, headers=headers, timeout=self._timing.object_info)
        http.require_ok(answer)
        return await self._parse_object_info(answer.document)

    def _load_saved(self, path: Path) -> ObjectInfo:
        try:
            return load_object_info(path)
        except OSError as error:
            sentence = f"{self.name}: {path} cannot be read: {error.strerror}."
            raise NotComfyUI(sentence) from error
        except ValueError as error:
            raise NotComfyUI(f"{self.name}: {error}") from error
