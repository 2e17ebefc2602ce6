"""Following of one job to its end: by its event stream, and by polling."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from comfy.api_v2.assets import fetch
from comfy.api_v2.errors import TryLater, code_of, require_taken
from comfy.api_v2.jobs import ENDED, JOBS, EventParser, Job, parse_job, parse_output, parse_preview
from comfy.backend import Graph
from comfy.errors import (
    BackendUnavailable,
    BackendUnreachable,
    ComfyError,
    NotComfyUI,
    OutcomeUnknown,
    RunFailed,
    RunInterrupted,
    RunStalled,
)
from comfy.http.client import HttpClient
from comfy.http.errors import StreamRefused
from comfy.mailbox import Mailbox
from comfy.protocol.events import (
    NodeStarted,
    Output,
    OutputFile,
    OutputsReady,
    OutputText,
    Started,
    StepDone,
    Succeeded,
)
from comfy.protocol.outputs import choose_results
from comfy.timeouts import PAUSE_GROWTH, Timing

MAX_TEXT_BYTES = 2**20
"""Bytes of the largest output that is read as a text."""

_log = logging.getLogger(__name__)


async def fetch_job(http: HttpClient, job: Job, graph: Graph, *, link: str = "self") -> Job | None:
    """Fetch a job, or cancel it by the link "cancel"; return None if it is unknown there."""
    method, path = ("POST", "/cancel") if link == "cancel" else ("GET", "")
    url = http.resolve(job.links.get(link)) or f"{JOBS}/{quote(job.id, safe='')}{path}"
    answer = await http.exchange(method, url)
    if answer.status == HTTPStatus.NOT_FOUND and code_of(answer):
        return None
    require_taken(http, answer)
    return http.require(parse_job(answer.document, graph), "the Comfy API v2")


class JobFollower:
    """Turns reports about a job into events, and puts them into a mailbox.

    Waits for an unreachable service, because its job continues, and costs, meanwhile.
    """

    def __init__(
        self,
        http: HttpClient,
        timing: Timing,
        job: Job,
        graph: Graph,
        mailbox: Mailbox,
        *,
        previews: bool,
        stall_after_s: float,
    ) -> None:
        self._http = http
        self._timing = timing
        self._job = job
        self._graph = graph
        self._mailbox = mailbox
        self._previews = previews
        self._stall_after_s = stall_after_s
        self._has_events = True
        self._is_started = False
        self._node_id: str | None = None
        self._last_step: StepDone | None = None
        self._ready: dict[str | None, OutputFile] = {}
        self._last_sign: object = None
        self._last_sign_at = time.monotonic()
        self._missing_since: float | None = None
        self._pause = timing.poll_first

    async def follow(self) -> None:
        """Follow the job to its end, which ends the mailbox, with an error or without."""
        try:
            self._take_job(self._job)
            while not self._job.is_ended:
                if self._job.links and self._has_events:
                    await self._listen()
                await self._ask()
                if not self._job.is_ended:
                    await self._rest()
            await self._finish()
        except ComfyError as error:
            self._mailbox.fail(error)
        except Exception:
            self._mailbox.fail(RunFailed("Following the run failed unexpectedly."))
            raise

    async def _listen(self) -> None:
        """Process events until the stream ends; poll beside a silent one."""
        link = self._http.resolve(self._job.links.get("events"))
        link = link or f"{JOBS}/{quote(self._job.id, safe='')}/events"
        async with aclosing(_read_events(self._http, link)) as events:
            pending: asyncio.Future[tuple[str, Mapping[str, Any]] | None] | None = None
            try:
                while not self._job.is_ended:
                    # Kept over time-outs: cancelling `anext` would close the generator, and the
                    # stream with it.
                    pending = pending or asyncio.ensure_future(anext(events, None))
                    await asyncio.wait([pending], timeout=self._timing.silence)
                    if not pending.done():
                        await self._ask()
                        continue
                    event, pending = pending.result(), None
                    if event is None or self._take_event(*event):
                        return
            except StreamRefused as refusal:
                # 429: all streams are in use. Any other status: there are none, so poll.
                self._has_events = refusal.answer.status == HTTPStatus.TOO_MANY_REQUESTS
                self._pause = max(self._pause, refusal.answer.retry_after_s or 0.0)
            except BackendUnreachable as error:
                _log.debug("%s: the events of a job broke off: %s", self._http.name, error)
            finally:
                if pending is not None:
                    pending.cancel()
                    await asyncio.wait([pending])

    async def _ask(self) -> None:
        """Poll the job once. Raises RunStalled, OutcomeUnknown."""
        try:
            job = await fetch_job(self._http, self._job, self._graph)
        except TryLater as later:
            self._pause = later.pause_s or self._pause
        except (BackendUnavailable, BackendUnreachable, NotComfyUI) as error:
            # None of these means that the job does not run.
            if self._http.is_closed:
                raise
            _log.debug("%s: a job cannot be asked for: %s", self._http.name, error)
        else:
            if job is None or job.status == "expired":
                self._note_missing()
            else:
                self._missing_since = None
                self._take_job(job)
        if time.monotonic() - self._last_sign_at > self._stall_after_s:
            raise RunStalled("The run showed no sign of life for too long.")

    async def _rest(self) -> None:
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * PAUSE_GROWTH, self._timing.poll_most)

    def _note_missing(self) -> None:
        """Count a missing job; once proves nothing, as comfy-api-proxy expires runs as they end."""
        now = time.monotonic()
        self._missing_since = self._missing_since or now
        self._pause = self._timing.gone_apart
        if now - self._missing_since >= self._timing.gone_apart:
            raise OutcomeUnknown(f"{self._http.name} no longer knows the job.")

    def _take_job(self, job: Job) -> None:
        sign = (job.status, job.progress, len(job.outputs))
        # Waiting behind others is a sign of life, however long it lasts.
        if job.status == "queued" or sign != self._last_sign:
            self._note_sign(sign)
        self._job = job
        if job.status == "running":
            self._start()
        if job.progress is not None:
            self._take_progress(job.progress)
        self._add_outputs(job.outputs)

    def _take_event(self, name: str, payload: Mapping[str, Any]) -> bool:
        """Process an event; return whether the job has ended."""
        self._note_sign(None)
        match name:
            case "status":
                if payload.get("status") == "running":
                    self._start()
                return payload.get("status") in ENDED
            case "progress":
                self._take_progress(payload)
            case "preview" if self._previews:
                preview = parse_preview(payload)
                if preview is not None:
                    self._start()
                    self._mailbox.put(preview)
            case "output":
                output = parse_output(payload, self._graph)
                if output is not None:
                    self._add_outputs((output,))
        return False

    def _take_progress(self, progress: Mapping[str, Any]) -> None:
        node_id, step, steps = (progress.get(key) for key in ("current_node", "step", "steps"))
        if not isinstance(node_id, str) or node_id not in self._graph:
            return
        self._start()
        if node_id != self._node_id:
            self._node_id = node_id
            self._mailbox.put(NodeStarted(node_id))
        # Nodes without steps count from 0 to 1, which is no progress.
        if isinstance(step, int) and isinstance(steps, int) and step > 0 and steps > 1:
            done = StepDone(node_id, min(step, steps), steps)
            if done != self._last_step:
                self._last_step = done
                self._mailbox.put(done)

    def _start(self) -> None:
        if not self._is_started:
            self._is_started = True
            self._mailbox.put(Started(frozenset()))

    def _add_outputs(self, outputs: tuple[OutputFile, ...]) -> None:
        fresh = tuple(file for file in outputs if file.asset_id not in self._ready)
        self._ready |= {file.asset_id: file for file in fresh}
        if shown := tuple(file for file in fresh if file.asset_id not in self._job.texts):
            self._start()
            self._mailbox.put(OutputsReady(shown))

    def _note_sign(self, sign: object) -> None:
        self._last_sign = sign or self._last_sign
        self._last_sign_at = time.monotonic()

    async def _finish(self) -> None:
        """End the mailbox as the job ended."""
        job = self._job
        if job.status == "canceled":
            raise RunInterrupted("The run was cancelled.")
        if job.failure is not None:
            raise job.failure
        if job.status != "succeeded":
            raise RunFailed("The run ended with an error that the backend does not explain.")
        outputs = [await self._read_text(f) if f.asset_id in job.texts else f for f in job.outputs]
        fully_cached = job.reused_outputs and self._node_id is None
        self._mailbox.put(Succeeded(choose_results(outputs, self._graph), fully_cached))
        self._mailbox.end()

    async def _read_text(self, file: OutputFile) -> Output:
        content = await fetch(self._http, self._timing, file, max_bytes=MAX_TEXT_BYTES)
        return OutputText(file.node_id, content.decode(errors="replace"))


async def _read_events(
    http: HttpClient, link: str
) -> AsyncGenerator[tuple[str, Mapping[str, Any]]]:
    parser = EventParser()
    async with aclosing(http.stream_lines(link)) as lines:
        async for line in lines:
            event = parser.feed(line)
            if event is not None:
                yield event
