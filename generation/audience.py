"""The port through which the heart speaks to people; a face implements it."""

from collections.abc import Sequence
from dataclasses import dataclass
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


class Audience(Protocol):
    """Somebody who is told about generations."""

    def notify(self, event: GenerationEvent) -> None:
        """Take note of a live state. Returns at once, never raises; may drop stale states."""

    async def deliver(self, generation: Generation, contents: Sequence[OutputContent]) -> Receipt:
        """Tell the end of a generation, with its results, and return once the far side has it.

        May be called again for the same generation after a crash and must then not post twice
        where that can be known. Raises DeliveryImpossible or DeliveryPostponed.
        """


@dataclass(frozen=True, slots=True)
class Case:
    """Why moderators see a result; while it is pending, it waits for them."""

    generation: Generation
    contents: Sequence[OutputContent]
    is_pending: bool
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Place:
    """A message of ours."""

    channel_id: int
    message_id: int


@runtime_checkable
class Desk(Protocol):
    """Where moderators are shown results, and people told that theirs wait for them."""

    async def show(self, case: Case, channel_id: int) -> Place | None:
        """Show a result in the moderators' channel; None where that channel cannot be used.

        Raises DeliveryPostponed when the far side is away.
        """

    async def tell_held(self, generation: Generation) -> None:
        """Let its person know that it waits for a moderator. Raises DeliveryPostponed."""
