"""The backend kind for a ComfyUI server."""

import hashlib
import io
import time
from collections.abc import AsyncGenerator
from typing import Self

import aiohttp

from comfy.backend import (
    STALL_AFTER_S,
    CancelOutcome,
    Graph,
    check_extension,
    check_prompt_id,
)
from comfy.cancellation import cancel_run
from comfy.errors import (
    BackendUnreachable,
    NotComfyUI,
    OutputGone,
    RunInterrupted,
    RunLost,
)
from comfy.http_backend import HttpBackend
from comfy.listener import Listener
from comfy.protocol.events import OutputFile, RunEvent, Submitted, Succeeded
from comfy.protocol.messages import Message, QueueStatus
from comfy.protocol.object_info import ObjectInfo
from comfy.protocol.responses import (
    BackendDescription,
    parse_description,
    parse_load,
    parse_uploaded_name,
)
from comfy.run import Run
from comfy.run_lookup import RunLookup
from comfy.runs import FollowedRuns
from comfy.settings import BackendSettings
from comfy.submission import GraphSubmitter
from comfy.timeouts import Timing
from comfy.watchdog import Watchdog

UPLOAD_FOLDER = "limner"
"""Subfolder of ComfyUI's input folder, so that operators recognize the files."""

_HASH_CHARACTERS = 32


class ComfyServer(HttpBackend):
    """A Backend for a ComfyUI server; use it from one event loop."""

    def __init__(self, settings: BackendSettings, timing: Timing | None = None) -> None:
        super().__init__(settings, timing)
        self._lookup = RunLookup(self._http, self._timing)
        self._runs = FollowedRuns()
        self._listener = Listener(
            self._http,
            self._timing,
            on_message=self._receive,
            on_connected=self._note_connected,
            has_runs=self._runs.report_to,
        )
        self._watchdog = Watchdog(
            self._http, self._listener, self._lookup, self._runs, self._timing
        )
        self._submitter = GraphSubmitter(
            self._http,
            self._listener,
            self._lookup,
            self._timing,
            withdraw=self._withdraw,
            find_key=self._find_key,
        )

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Start listening; returns at once."""
        self._listener.start()
        self._watchdog.start()

    async def close(self) -> None:
        """Stop listening and end open runs with BackendUnreachable. May be called twice."""
        self._runs.fail(BackendUnreachable(f"The connection to {self.name} was closed."))
        await self._watchdog.close()
        await self._listener.close()
        await self._http.close()

    async def fetch_description(self) -> BackendDescription:
        """Return version and devices; verifies that this is ComfyUI."""
        answer = await self._http.fetch_json("system_stats")
        return self._http.require(parse_description(answer))

    async def _load_object_info(self) -> ObjectInfo:
        answer = await self._http.fetch_json("object_info", timeout=self._timing.object_info)
        return await self._parse_object_info(answer)

    async def fetch_load(self) -> int:
        """Return how many graphs of all clients run or wait there."""
        answer = await self._http.fetch_json("prompt")
        return self._http.require(parse_load(answer))

    async def upload_image(self, content: bytes, *, extension: str) -> str:
        """Store a picture under a name derived from its content.

        Repetition is harmless, and no other picture can be overwritten.
        """
        check_extension(extension)
        filename = f"{hashlib.sha256(content).hexdigest()[:_HASH_CHARACTERS]}.{extension}"
        form = aiohttp.FormData(quote_fields=False)
        file, media_type = io.BytesIO(content), f"image/{extension}"
        form.add_field("image", file, filename=filename, content_type=media_type)
        fields = {"type": "input", "subfolder": UPLOAD_FOLDER, "overwrite": "false"}
        for name, value in fields.items():
            form.add_field(name, value)
        answer = await self._http.exchange("POST", "upload/image", form=form)
        self._http.require_ok(answer)
        return self._http.require(parse_uploaded_name(answer.document))

    async def run(
        self,
        graph: Graph,
        prompt_id: str | None = None,
        *,
        previews: bool = True,
        is_new: bool = False,
        stall_after_s: float = STALL_AFTER_S,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run the graph, or re-attach to the run with this prompt id, until its end."""
        is_new = is_new or prompt_id is None
        prompt_id = check_prompt_id(prompt_id)
        await self.open()
        run = Run(prompt_id, graph, stall_after=stall_after_s, now=time.monotonic())
        try:
            # Registered before the submission: a short run can end before the response arrives.
            with self._runs.following(run):
                was_known = await self._submitter.submit(run, previews=previews, is_new=is_new)
                yield Submitted(prompt_id, was_known)
                while (event := await run.mailbox.get()) is not None:
                    yield event
                yield await self._finish(run)
        finally:
            self._listener.note_run_ended()

    async def fetch_output(self, output: OutputFile, *, max_bytes: int) -> bytes:
        """Download one result. Raises OutputGone, or BackendRefused if it is larger."""
        query = {
            "filename": output.filename,
            "subfolder": output.subfolder,
            "type": output.folder_type,
        }
        try:
            return await self._http.download("view", query=query, max_bytes=max_bytes)
        except NotComfyUI as error:
            raise OutputGone(f"{self.name} does not have {output.filename} any more.") from error

    async def cancel(self, prompt_id: str) -> CancelOutcome:
        """Stop this prompt id and no other, and verify that it stopped.

        Raises RunStalled if it still runs after a minute.
        """
        outcome = await cancel_run(prompt_id, self._lookup, self._runs, self._timing)
        if outcome is CancelOutcome.CANCELLED:
            # A waiting run that is cancelled ends without any message.
            for run in self._runs.get(prompt_id):
                run.mailbox.fail(RunInterrupted("The run was cancelled."))
        return outcome

    async def _withdraw(self, prompt_id: str) -> None:
        # Called during the submission itself, whose end `cancel_run` would otherwise wait for.
        for run in self._runs.get(prompt_id):
            run.is_submitted = True
        await cancel_run(prompt_id, self._lookup, self._runs, self._timing)

    async def _finish(self, run: Run) -> Succeeded:
        if run.needs_record:
            record = await self._lookup.wait_for_record(run.prompt_id)
            if record is not None:
                run.record = record
            elif run.may_have_missed:
                raise RunLost(f"{self.name} has no record of the run any more.")
        if run.record is not None and run.record.failure is not None:
            raise run.record.failure
        if run.lost_its_result:
            raise RunLost("The result was sent while the connection was down, and is not kept.")
        return run.build_success()

    def _receive(self, message: Message) -> None:
        """Handle a message, called by the listener; must not block."""
        if isinstance(message, QueueStatus):
            self._watchdog.note_queue_changed()
        now = time.monotonic()
        self._runs.route(message, client_id=self._listener.client_id, now=now)

    def _note_connected(self) -> None:
        self._lookup.forget_api()
        if self._runs.note_new_connection():
            self._watchdog.note_connected()
