"""Distribution of events: to the bot over the gateway, to people through their views."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from sandbox.discord_api.changes import ChangeNotifier
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.payloads import Payloads
from sandbox.discord_api.values import Channel, JsonObject, Member, Message


class MessageSink(Protocol):
    """The part of the gateway that Broadcast uses."""

    def dispatch_message(self, name: str, message: Message, referenced: Message | None) -> None:
        """Send a message event to every session whose intents cover it."""

    def dispatch(self, name: str, payload: JsonObject, *, intent: int = 0) -> None:
        """Send an event to every session that has the intent."""


class Broadcast:
    """Sends every change to those who may see it."""

    def __init__(self, directory: Directory, payloads: Payloads, gateway: MessageSink) -> None:
        self._directory = directory
        self._payloads = payloads
        self._gateway = gateway
        self._viewers: dict[asyncio.Queue[JsonObject | None], int] = {}
        self.changes = ChangeNotifier()

    @contextlib.contextmanager
    def view(self, member: Member) -> Iterator[asyncio.Queue[JsonObject | None]]:
        """Give the events one person's client gets, until the block ends; None means the end."""
        queue: asyncio.Queue[JsonObject | None] = asyncio.Queue()
        self._viewers[queue] = member.id
        try:
            yield queue
        finally:
            del self._viewers[queue]

    def close(self) -> None:
        """End every view."""
        for queue in self._viewers:
            queue.put_nowait(None)

    def message(self, event: str, message: Message, referenced: Message | None = None) -> None:
        """Send a message event: `event` is create, update or delete."""
        if message.only_for is None:
            name = f"MESSAGE_{event.upper()}"
            self._gateway.dispatch_message(name, message, referenced)
        for queue, member_id in self._viewers.items():
            if self.may_see(self._directory.members[member_id], message):
                queue.put_nowait(self._message_view(event, message, referenced))
        self.changes.notify()

    def tell(self, member_id: int, event: JsonObject) -> None:
        """Send an event to one person."""
        for queue, viewer_id in self._viewers.items():
            if viewer_id == member_id:
                queue.put_nowait(event)
        self.changes.notify()

    def tell_channel(self, channel: Channel, event: JsonObject) -> None:
        """Send an event to everybody who can view a channel."""
        for member in self._directory.members.values():
            if self._directory.can_see(member, channel):
                self.tell(member.id, event)

    def tell_all(self, event_for: Callable[[Member], JsonObject]) -> None:
        """Send each person an event built for them."""
        for member in self._directory.members.values():
            self.tell(member.id, event_for(member))

    def channel_changed(self, channel: Channel) -> None:
        """Send the bot a channel's changed permissions."""
        self._gateway.dispatch("CHANNEL_UPDATE", self._payloads.channel(channel), intent=1)
        self.changes.notify()

    def may_see(self, member: Member, message: Message) -> bool:
        """Say whether a person's client shows a message."""
        if message.only_for is not None:
            return message.only_for == member.id
        return self._directory.can_see(member, self._directory.channels[message.channel_id])

    def seen_by(self, member: Member, messages: Iterable[Message]) -> list[Message]:
        """Return those of the messages that a person's client shows."""
        directory = self._directory
        channels = {one.id for one in directory.channels.values() if directory.can_see(member, one)}
        return [
            one
            for one in messages
            if (one.channel_id in channels if one.only_for is None else one.only_for == member.id)
        ]

    def view_of(self, message: Message, referenced: Message | None = None) -> JsonObject:
        """Return a message as a person's client has it: ephemeral ones are marked."""
        payload = self._payloads.message(message, referenced)
        return payload if message.only_for is None else {**payload, "ephemeral": True}

    def _message_view(self, event: str, message: Message, referenced: Message | None) -> JsonObject:
        head = {"type": f"message_{event}", "channel_id": str(message.channel_id)}
        if event == "delete":
            return {**head, "message_id": str(message.id)}
        return {**head, "message": self.view_of(message, referenced)}
