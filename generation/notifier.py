"""The port through which the heart speaks to people; a face implements it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from generation.events import GenerationEvent
from generation.record import Generation, OutputContent


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the end was told: a link a person can follow, where there is one."""

    message_url: str | None = None


class DeliveryImpossible(Exception):
    """Nobody can be told any more (the channel or message is gone); trying again cannot help."""


class DeliveryPostponed(Exception):
    """The far side cannot be reached just now; the line tries again later."""


class Notifier(Protocol):
    """Somebody who is told about generations."""

    def notify(self, event: GenerationEvent) -> None:
        """Take note of a live state. Returns at once, never raises; may drop stale states."""

    async def deliver(self, generation: Generation, contents: Sequence[OutputContent]) -> Receipt:
        """Tell the end of a generation, with its results, and return once the far side has it.

        May be called again for the same generation after a crash and must then not post twice
        where that can be known. Raises DeliveryImpossible or DeliveryPostponed.
        """

    async def withdraw(self, generation: Generation) -> None:
        """Delete what was told of it: its results were taken away. Never raises."""


class CaseState(StrEnum):
    """How moderators are shown a result: to be decided on, to be acted on, or closed."""

    PENDING = "pending"
    REPORTED = "reported"
    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    REMOVED = "removed"

    @property
    def is_closed(self) -> bool:
        """Whether there is nothing to decide on any more."""
        return self in (CaseState.APPROVED, CaseState.REFUSED, CaseState.REMOVED)


@dataclass(frozen=True, slots=True)
class Case:
    """Why moderators see a result; `actor_id` is whoever closed it, if anybody did."""

    generation: Generation
    contents: Sequence[OutputContent]
    state: CaseState
    reasons: Sequence[str]
    actor_id: int | None = None


@dataclass(frozen=True, slots=True)
class MessageLocation:
    """A message of ours."""

    channel_id: int
    message_id: int


@runtime_checkable
class ReviewChannel(Protocol):
    """Where moderators are shown results, and people told that theirs wait for them."""

    async def show(self, case: Case, channel_id: int) -> MessageLocation | None:
        """Show a result in the moderators' channel; None where that channel cannot be used.

        Raises DeliveryPostponed when the far side is away.
        """

    async def close_case(self, case: Case, place: MessageLocation) -> None:
        """Say what became of a result there, and ask for nothing any more; never raises."""

    async def retract(self, place: MessageLocation) -> None:
        """Delete what moderators were shown; never raises."""

    async def tell_held(self, generation: Generation) -> None:
        """Let its person know that it waits for a moderator. Raises DeliveryPostponed."""
