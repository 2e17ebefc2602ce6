"""Keeps one /ws connection to a backend open and reads every frame."""

import asyncio
import contextlib
import logging
import random
import time
import uuid
from collections.abc import Callable

from comfy.errors import ComfyError
from comfy.http.client import HttpClient
from comfy.protocol.messages import Message, parse_frame
from comfy.socket import Socket
from comfy.timeouts import Timing

_log = logging.getLogger(__name__)


class Listener:
    """Owns the task that connects, reads and reconnects.

    `is_connected` is whether a connection is open, even if the server does not send to it;
    `may_miss_messages` whether its client id was reused, after which the server may stop doing so.

    `has_runs` says whether runs report to a client id. `on_message` and `on_connected` are called
    in the reading task and must not block: a client that stops reading stalls every client of the
    server.

    Client ids: a server that notices late that an old connection died forgets the *newest*
    connection of the same client id. That one stays open without receiving anything, although pings
    are answered. A fresh id for each connection avoids that, but runs that report to the old id
    would show no more progress. Therefore, with runs outstanding, the id is used once more, to
    receive the rest of their messages; when the last of them has ended, the connection is replaced
    by one with a fresh id. If the watchdog finds that the connection receives nothing, it is
    replaced by a fresh one at once, and those runs are polled.
    """

    def __init__(
        self,
        http: HttpClient,
        timing: Timing,
        *,
        on_message: Callable[[Message], None],
        on_connected: Callable[[], None],
        has_runs: Callable[[str], bool],
    ) -> None:
        self.is_connected = False
        self.client_id = str(uuid.uuid4())
        self.last_frame_at = 0.0
        self._http = http
        self._timing = timing
        self._on_message = on_message
        self._on_connected = on_connected
        self._has_runs = has_runs
        self._task: asyncio.Task[None] | None = None
        self._socket: Socket | None = None
        self._closing: asyncio.Task[None] | None = None
        self._attempt_over = asyncio.Event()
        self._hurry = asyncio.Event()
        self._is_closed = False
        self._wants_fresh_id = False
        self._id_was_used = False
        self.may_miss_messages = False
        self._failures = 0

    def start(self) -> None:
        """Start listening. May be called again."""
        if self._task is None and not self._is_closed:
            self._task = asyncio.create_task(self._listen(), name=f"listen to {self._http.name}")

    async def close(self) -> None:
        """Stop and wait until the task has ended. May be called twice."""
        self._is_closed, self.is_connected = True, False
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            # `await task` would raise its CancelledError, which is not distinguishable from ours.
            await asyncio.wait([task])
        self._attempt_over.set()

    async def wait_connected(self) -> bool:
        """Wait for the current or next attempt; return whether it connected."""
        self.start()
        if not self.is_connected and not self._is_closed:
            self._attempt_over.clear()
            # Ends a back-off early: a run needs the connection now.
            self._hurry.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timing.socket_wait):
                    await self._attempt_over.wait()
        return self.is_connected

    def reopen(self) -> None:
        """Replace the connection by one with a fresh client id."""
        self._wants_fresh_id = True
        if self._socket is not None and self._closing is None:
            self._closing = asyncio.create_task(
                self._socket.close(), name=f"close a connection to {self._http.name}"
            )

    def note_run_ended(self) -> None:
        """Replace a client id that was reused, once the last run reporting to it has ended."""
        if self.may_miss_messages and not self._has_runs(self.client_id):
            self.reopen()

    async def _listen(self) -> None:
        while True:
            try:
                await self._connect_and_read()
            except ComfyError as error:
                self._note_failure(str(error))
            except Exception:  # noqa: BLE001 - runs depend on this task, so it outlives its bugs
                _log.exception("%s: listening failed unexpectedly", self._http.name)
                self._failures += 1
            self._attempt_over.set()
            await self._pause()

    async def _connect_and_read(self) -> None:
        self._choose_client_id()
        socket = await Socket.connect(self._http, self.client_id)
        self._socket = socket
        self._id_was_used = True
        try:
            self.is_connected = True
            # Before the callback, which polls: a new connection must not look silent from its
            # start.
            self.last_frame_at = time.monotonic()
            self._attempt_over.set()
            self._on_connected()
            await socket.drain(self._receive)
            self._note_end(socket)
        finally:
            self._socket = None
            self.is_connected = False
            closing, self._closing = self._closing, None
            # Before the next connection: servers confuse two connections of one client id.
            await (closing or socket.close())

    def _choose_client_id(self) -> None:
        """Keep the client id for the next connection while runs report to it, else draw another."""
        keep = self._has_runs(self.client_id) and not self._wants_fresh_id
        if self._id_was_used and not keep:
            self.client_id = str(uuid.uuid4())
            self._id_was_used = False
        self.may_miss_messages = self._id_was_used
        self._wants_fresh_id = False

    def _receive(self, frame: str | bytes) -> None:
        """Handle a frame, which proves the connection: some proxies accept and close at once."""
        if self._failures:
            _log.info("%s: connected again", self._http.name)
            self._failures = 0
        self.last_frame_at = time.monotonic()
        self._on_message(parse_frame(self._http.redact(frame)))

    def _note_end(self, socket: Socket) -> None:
        if not self._wants_fresh_id:
            self._note_failure(f"{self._http.name}: /ws ended with {socket.describe_end()}.")

    def _note_failure(self, sentence: str) -> None:
        """Log a failure: the first of a series as a warning, the rest for debugging."""
        level = logging.DEBUG if self._failures else logging.WARNING
        _log.log(level, "%s Trying again.", sentence)
        self._failures += 1

    async def _pause(self) -> None:
        """Back off exponentially, with jitter so that clients do not reconnect at the same time."""
        if self._failures:
            longest = self._timing.backoff_first * 2 ** min(self._failures - 1, 10)
            pause = min(longest, self._timing.backoff_most) * random.uniform(0.5, 1)  # noqa: S311 - not a secret
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._hurry.wait()
        self._hurry.clear()
