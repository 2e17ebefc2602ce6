"""Polling of runs whose messages do not arrive: an open socket may receive nothing."""

import asyncio
import contextlib
import logging
import time

from comfy.errors import BackendUnreachable, ComfyError, RunLost, RunStalled
from comfy.http.client import HttpClient
from comfy.listener import Listener
from comfy.protocol.responses import QueueState
from comfy.run import Run
from comfy.run_lookup import RunLookup
from comfy.runs import FollowedRuns
from comfy.timeouts import PAUSE_GROWTH, Timing

_log = logging.getLogger(__name__)


class Watchdog:
    """Owns the task that polls over HTTP, ends finished runs, and fails lost ones.

    Silence alone never fails a run: the server sends nothing while a long node runs.
    """

    def __init__(
        self,
        http: HttpClient,
        listener: Listener,
        lookup: RunLookup,
        runs: FollowedRuns,
        timing: Timing,
    ) -> None:
        self._http = http
        self._listener = listener
        self._lookup = lookup
        self._runs = runs
        self._timing = timing
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._hint = asyncio.Event()
        self._everything_is_due = False
        self._any_is_polled = False
        self._queue_changed_at = 0.0
        self._ask_at = 0.0
        self._pause = timing.poll_first
        self._unanswered_since: float | None = None
        self._reopen_at = 0.0

    def start(self) -> None:
        """Start watching. May be called again."""
        if self._task is None and not self._is_closed:
            self._task = asyncio.create_task(self._watch(), name=f"watch {self._http.name}")

    async def close(self) -> None:
        """Stop and wait until the task has ended. May be called twice."""
        self._is_closed = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def note_connected(self) -> None:
        """Poll at once, because messages may have been missed."""
        self._everything_is_due = True
        self.note_queue_changed()

    def note_queue_changed(self) -> None:
        """Poll now for runs without socket messages."""
        self._queue_changed_at = time.monotonic()
        # Cached, not computed here: this is called three times for each run.
        if self._any_is_polled or self._everything_is_due:
            self._ask_at = 0.0
            self._hint.set()

    async def _watch(self) -> None:
        while True:
            await self._runs.wait_any()
            try:
                await self._poll()
            except Exception:  # noqa: BLE001 - runs depend on this task, so it outlives its bugs
                _log.exception("%s: watching failed unexpectedly", self._http.name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.tick):
                    await self._hint.wait()
            self._hint.clear()

    async def _poll(self) -> None:
        now = time.monotonic()
        self._any_is_polled = any(self._is_polled(run) for run in self._runs)
        due = [run for run in self._runs if self._is_due(run, now)]
        if not due:
            self._pause = self._timing.poll_first
            self._ask_at = 0.0
            self._unanswered_since = None
            return
        if now < self._ask_at:
            return
        self._ask_at = now + self._pause
        longest = (
            self._timing.poll_first if self._listener.may_miss_messages else self._timing.poll_most
        )
        self._pause = min(self._pause * PAUSE_GROWTH, longest)
        try:
            await self._ask(due)
        except ComfyError as error:
            self._note_unanswered(error)
        else:
            self._everything_is_due = False
            self._unanswered_since = None

    def _is_due(self, run: Run, now: float) -> bool:
        if not run.is_submitted or run.is_ended:
            return False
        silence = self._timing.silence
        return (
            self._everything_is_due
            or self._listener.may_miss_messages
            or self._is_polled(run)
            or now - self._listener.last_frame_at > silence
            or (now - run.last_sign_at > silence and self._may_have_changed(run))
            or self._was_not_announced(run, now)
        )

    def _may_have_changed(self, run: Run) -> bool:
        """Return whether it may have ended unnoticed.

        A waiting run that another client removes from the queue ends with a `status` only.
        """
        return run.is_started or self._queue_changed_at >= run.last_sign_at

    def _is_polled(self, run: Run) -> bool:
        """Return whether its messages go to nobody, or to a previous client id of ours."""
        return not self._listener.is_connected or run.client_id != self._listener.client_id

    def _was_not_announced(self, run: Run, now: float) -> bool:
        """Return whether the `status` that follows each submission is overdue."""
        if run.posted_at is None or now - run.posted_at < self._timing.status_wait:
            return False
        return self._listener.last_frame_at < run.posted_at

    async def _ask(self, due: list[Run]) -> None:
        states = await self._lookup.fetch_queue()
        knows_more = False
        for run in due:
            state = states.get(run.prompt_id)
            if state is not None:
                knows_more |= self._note_alive(run, state)
            else:
                knows_more |= await self._note_absent(run)
        if knows_more:
            self._replace_deaf_socket()

    def _note_alive(self, run: Run, state: QueueState) -> bool:
        """Record a sign of life; return whether the socket failed to report the change."""
        now = time.monotonic()
        run.missing_since = None
        is_polled = self._is_polled(run)
        is_news = state is QueueState.RUNNING and not run.is_started
        if is_news:
            run.start()
            self._pause = self._timing.poll_first
        if is_news or is_polled or state is QueueState.WAITING:
            # For a polled run, being listed is the only sign of life.
            run.last_sign_at = now
        # Listed as running is no sign of life: a process that hangs lists it all the same.
        elif now - run.last_sign_at > run.stall_after:
            run.mailbox.fail(RunStalled("The run showed no sign of life for too long."))
        is_silent = now - self._listener.last_frame_at > self._timing.silence
        return not is_polled and ((is_news and is_silent) or self._was_not_announced(run, now))

    async def _note_absent(self, run: Run) -> bool:
        """End a finished run; fail one that was missing twice. Return as `_note_alive` does."""
        record = await self._lookup.find_record(run.prompt_id)
        # The message of its end may have arrived during this request.
        if run.is_ended:
            return False
        now = time.monotonic()
        # Ask again as soon as a second absence would count, not at the usual interval.
        self._ask_at = now + self._timing.gone_apart
        if run.missing_since is None:
            # Missing once proves nothing: a run that ends is in neither list for a moment.
            run.missing_since = now
        is_second_time = now - run.missing_since >= self._timing.gone_apart
        is_news = not self._is_polled(run) and (
            now - self._listener.last_frame_at > self._timing.silence
            or self._was_not_announced(run, now)
        )
        if record is None:
            if is_second_time:
                run.mailbox.fail(RunLost("The backend restarted or cleared its queue."))
            return False
        if run.awaits_socket_output and not is_second_time:
            # The picture may still be in transit: a record is smaller and arrives first.
            return False
        run.may_have_missed = True
        run.settle(record)
        return is_news

    def _replace_deaf_socket(self) -> None:
        now = time.monotonic()
        if now >= self._reopen_at:
            self._reopen_at = now + self._timing.reopen_pause
            _log.warning("%s: /ws is open but says nothing; opening it anew.", self._http.name)
            self._listener.reopen()

    def _note_unanswered(self, error: ComfyError) -> None:
        """Fail all runs if the backend was silent too long, on HTTP and the socket."""
        now = time.monotonic()
        if self._unanswered_since is None:
            self._unanswered_since = now
            _log.warning("%s: cannot ask for the runs: %s", self._http.name, error)
        self._pause = self._timing.poll_first
        # A server that still sends frames is alive, even if it is too busy to answer requests.
        heard_at = max(self._unanswered_since, self._listener.last_frame_at)
        if now - heard_at > self._timing.unreachable:
            given_up = BackendUnreachable(f"{self._http.name} has not answered for too long.")
            for run in self._runs:
                if run.is_submitted:
                    run.mailbox.fail(given_up)
