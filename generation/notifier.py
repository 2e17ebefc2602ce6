"""Interfaces through which the core reports to people, implemented by front ends."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from generation.events import GenerationEvent
from generation.record import Generation, OutputContent


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a result was delivered: a link to the message, if there is one."""

    message_url: str | None = None


class DeliveryImpossible(Exception):
    """Delivery cannot succeed (the channel or message is gone); a retry does not help."""


class DeliveryPostponed(Exception):
    """The destination is unreachable at the moment; the line retries later."""


class Notifier:
    """Receives the events and results of generations; by itself it drops all of them."""

    def notify(self, event: GenerationEvent) -> None:
        """Show a live state. Returns at once and never raises; may drop outdated states."""

    async def deliver(self, generation: Generation, contents: Sequence[OutputContent]) -> Receipt:
        """Deliver the end of a generation with its results; return once that is acknowledged.

        May be called again for the same generation after a crash, and must then not post twice if
        that can be detected. Raises DeliveryImpossible or DeliveryPostponed.
        """
        del generation, contents
        return Receipt()

    def preparing(
        self, generation: Generation, contents: Sequence[OutputContent]
    ) -> AbstractContextManager[None]:
        """Prepare a delivery while the end is recorded; there may be none in the end.

        What was prepared is used by `deliver` inside the block, and dropped at its end.
        """
        del generation, contents
        return nullcontext()

    async def withdraw(self, generation: Generation) -> None:
        """Delete the messages of a generation whose results were removed. Never raises."""


class CaseState(StrEnum):
    """State of a case: pending, reported, open, or closed."""

    PENDING = "pending"
    REPORTED = "reported"
    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    REMOVED = "removed"

    @property
    def is_closed(self) -> bool:
        """Whether there is no decision to make."""
        return self in (CaseState.APPROVED, CaseState.REFUSED, CaseState.REMOVED)

    @property
    def keeps_files(self) -> bool:
        """Whether moderators still see the results of a closed case."""
        return self is CaseState.APPROVED


@dataclass(frozen=True, slots=True)
class Case:
    """A result with the reasons for review: kinds of flags, and their notes.

    `actor_id` is who closed the case, `reason` why it was refused. The decision can be undone until
    `undo_until`; None if it cannot.
    """

    generation: Generation
    contents: Sequence[OutputContent]
    state: CaseState
    flags: Sequence[tuple[str, str]]
    actor_id: int | None = None
    decided_at: datetime | None = None
    undo_until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MessageLocation:
    """Location of a message that the bot posted."""

    channel_id: int
    message_id: int


@runtime_checkable
class ReviewChannel(Protocol):
    """Shows results to moderators, and tells requesters that theirs await review."""

    async def show(self, case: Case, channel_id: int) -> MessageLocation | None:
        """Show a result in the moderators' channel; return None if that cannot be used.

        Raises DeliveryPostponed if it is unreachable.
        """

    async def amend_case(self, case: Case, location: MessageLocation) -> None:
        """Show the decision in that message, or ask again after an undo.

        Raises DeliveryPostponed if Discord cannot be reached.
        """

    async def retract(self, location: MessageLocation) -> bool:
        """Delete a message to moderators; return False if it may be left. Never raises."""

    async def tell_held(self, generation: Generation) -> None:
        """Tell the requester that a result awaits review, hiding it if it was shown before.

        Raises DeliveryPostponed.
        """
