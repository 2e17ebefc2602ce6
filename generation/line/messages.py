"""Messages between processes that share the line, over PostgreSQL's LISTEN and NOTIFY.

A message may be lost with its connection. The listener then reads the records, as every process
does periodically.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime

import psycopg

from db.database import CHANGES_CHANNEL
from db.tables import DIRECT_MESSAGES
from generation.estimates import LineEntry
from generation.line.lease import CHANNEL, connect

LISTEN_S = 1.0
"""Seconds within which a listener detects that it is being closed."""

RECONNECT_S = 1.0
"""Seconds between attempts to reconnect."""

Message = list[str]
"""A verb and its arguments, such as ["free", "k3f9a"]."""

_log = logging.getLogger(__name__)


def write(*words: object) -> str:
    """Serialize a message as the payload of a NOTIFY."""
    return json.dumps([str(word) for word in words])


class MessageListener:
    """Receives messages in a thread of its own and passes them to the loop that opened it.

    `note_changed` is called in that thread with the tables that some process wrote to.
    """

    def __init__(
        self,
        url: str,
        take: Callable[[Message], None],
        note_changed: Callable[[Collection[str] | None], None],
    ) -> None:
        self._url = url
        self._take = take
        self._note_changed = note_changed
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start listening."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._listen_for_ever, args=(loop,), name="messages of the line", daemon=True
        )
        self._thread.start()

    async def close(self) -> None:
        """Stop listening. May be called twice."""
        self._stopped.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _listen_for_ever(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopped.is_set():
            try:
                with connect(self._url) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    connection.execute(f"LISTEN {CHANGES_CHANNEL}")
                    # Messages before this connection are lost: read the records instead.
                    self._note_changed(None)
                    self._hand_over(loop, ["look"])
                    self._listen(loop, connection)
            except psycopg.Error as error:
                _log.debug("The line's messages cannot be heard just now: %s", error)
                self._stopped.wait(RECONNECT_S)

    def _listen(self, loop: asyncio.AbstractEventLoop, connection: psycopg.Connection) -> None:
        while not self._stopped.is_set():
            # The time-out ends the iteration regularly, so that `close` is noticed.
            for notification in connection.notifies(timeout=LISTEN_S):
                if notification.channel == CHANGES_CHANNEL:
                    self._note_changed(notification.payload.split(","))
                else:
                    self._hand_over(loop, json.loads(notification.payload))

    def _hand_over(self, loop: asyncio.AbstractEventLoop, message: Message) -> None:
        if not self._stopped.is_set():
            # Raised if the loop is closed already; the message has no receiver then.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._take, message)


def pack(entry: LineEntry) -> list[object]:
    """Serialize an accepted generation as arguments of a message."""
    return [
        entry.id,
        entry.user_id,
        entry.workflow,
        entry.created_at.isoformat(),
        entry.lane,
        int(entry.priority),
        entry.guild_id or DIRECT_MESSAGES,
    ]


def unpack(words: Message) -> LineEntry:
    """Parse an accepted generation from the arguments of a message."""
    id_, user_id, workflow, created_at, lane, priority, guild_id = words
    return LineEntry(
        id=id_,
        user_id=int(user_id),
        workflow=workflow,
        workload=1,
        created_at=datetime.fromisoformat(created_at),
        lane=int(lane),
        priority=priority == "1",
        guild_id=int(guild_id) or None,
    )
