"""Submission of graphs exactly once, even if the response is lost."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from comfy.backend import Graph
from comfy.errors import (
    BackendRefused,
    BackendUnreachable,
    ComfyError,
    GraphRejected,
    NotComfyUI,
)
from comfy.http.client import HttpClient
from comfy.http.errors import NeverSent
from comfy.http.response import HttpResponse
from comfy.listener import Listener
from comfy.protocol.failures import parse_node_errors, parse_rejection
from comfy.protocol.responses import QueueState, RunRecord, Whereabouts
from comfy.run import Run
from comfy.run_lookup import RunLookup
from comfy.timeouts import Timing

_log = logging.getLogger(__name__)

_ATTEMPTS = 3
"""Submissions of one prompt id; each only after the previous one was verified to be absent."""


class GraphSubmitter:
    """Submits runs. `withdraw` stops one that was accepted but must not run.

    `find_key` returns the API key that a graph needs.
    """

    def __init__(
        self,
        http: HttpClient,
        listener: Listener,
        lookup: RunLookup,
        timing: Timing,
        *,
        withdraw: Callable[[str], Awaitable[object]],
        find_key: Callable[[Graph], str | None] = lambda _graph: None,
    ) -> None:
        self._find_key = find_key
        self._http = http
        self._listener = listener
        self._lookup = lookup
        self._timing = timing
        self._withdraw = withdraw

    async def submit(self, run: Run, *, previews: bool, is_new: bool) -> bool:
        """Submit a run; return whether the backend had it already.

        From here on its messages are received. If a response is lost, the prompt id is looked up
        before it is submitted again.
        """
        if not is_new and _adopt(run, await self._lookup.look_up(run.prompt_id)):
            return True
        # Without /ws the run is submitted anyway and followed by polling.
        await self._listener.wait_connected()
        # After the wait, which may have changed the id; before the POST, whose response messages
        # can overtake.
        run.client_id = self._listener.client_id
        await self._post(run, _build_body(run, previews=previews, key=self._find_key(run.graph)))
        run.is_submitted = True
        return False

    async def _post(self, run: Run, body: dict[str, Any]) -> None:
        for attempts_left in reversed(range(_ATTEMPTS)):
            started_at = time.monotonic()
            try:
                answer = await self._http.exchange("POST", "prompt", body=body)
                # A rejected graph has status 400, too, and a document that `_judge` turns into the
                # error.
                if not parse_rejection(answer.document):
                    self._http.require_ok(answer)
            except NeverSent:
                raise
            except BackendUnreachable:
                # Time-out or disconnect: it may have arrived. Sending it again could run it twice.
                if await self._was_accepted(run):
                    return
                if not attempts_left:
                    raise
            else:
                # Not the time of the response: the `status` that it causes may come first.
                run.posted_at = started_at
                await self._judge(run, answer)
                return

    async def _was_accepted(self, run: Run) -> bool:
        """Look up a prompt id whose submission got no response. Raises if that is undecidable."""
        deadline = time.monotonic() + self._timing.lookup
        last_error: ComfyError | None = None
        while True:
            try:
                whereabouts = await self._lookup.look_up(run.prompt_id)
            except BackendUnreachable as error:
                last_error, whereabouts = error, None
            else:
                last_error = None
            # A message about it on the socket is proof as well.
            if _adopt(run, whereabouts) or run.was_reported:
                return True
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(self._timing.lookup_pause)
        if last_error is not None:
            raise last_error
        return False

    async def _judge(self, run: Run, answer: HttpResponse) -> None:
        rejection = parse_rejection(answer.document)
        if rejection is not None:
            raise rejection
        if not isinstance(answer.document, dict) or "prompt_id" not in answer.document:
            raise NotComfyUI(f"{self._http.name} answers, but not as ComfyUI does.")
        if answer.document["prompt_id"] != run.prompt_id:
            # Old servers choose their own id, by which this run would not be followed.
            await self._take_back(str(answer.document["prompt_id"]))
            raise BackendRefused(
                f"{self._http.name} is too old: it does not keep the prompt id it is given.",
                status=answer.status,
            )
        problems = parse_node_errors(answer.document.get("node_errors"))
        if problems:
            # Only the outputs without an error would run, not the whole graph.
            await self._take_back(run.prompt_id)
            first = problems[0]
            raise GraphRejected(
                f"{first.class_type} (node {first.node_id}): {first.message}", problems
            )

    async def _take_back(self, prompt_id: str) -> None:
        try:
            await self._withdraw(prompt_id)
        except ComfyError as error:
            _log.warning("%s: could not withdraw run %s: %s", self._http.name, prompt_id, error)


def _adopt(run: Run, whereabouts: Whereabouts) -> bool:
    """Re-attach to a run that the backend knows; return False if it knows none."""
    if whereabouts is None:
        return False
    run.is_submitted = True
    run.may_have_missed = True
    if isinstance(whereabouts, RunRecord):
        run.settle(whereabouts)
    elif whereabouts is QueueState.RUNNING:
        run.start()
    return True


def _build_body(run: Run, *, previews: bool, key: str | None) -> dict[str, Any]:
    """Build the request; `prompt` is ComfyUI's word for the graph."""
    extra_data = {"preview_method": "auto" if previews else "none"}
    if key is not None:
        # The server keeps it out of its queue and history: its SENSITIVE_EXTRA_DATA_KEYS.
        extra_data["api_key_comfy_org"] = key
    return {
        "prompt": {node_id: dict(node) for node_id, node in run.graph.items()},
        "prompt_id": run.prompt_id,
        "client_id": run.client_id,
        "extra_data": extra_data,
    }
