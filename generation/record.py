"""One generation as recorded: frozen copies of rows, for use outside of transactions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from generation.errors import FailureKind
from generation.request import Derivation, Layout, Requester, Value
from generation.text import fill

LONGEST_RUN_S = 30 * 60.0
"""Seconds after which a run is ended."""

T = TypeVar("T")


class GenerationState(StrEnum):
    """State of a generation. The last three are final, and exactly one of them is reached."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the state cannot change any more."""
        return self not in (GenerationState.WAITING, GenerationState.RUNNING)


def copy_row(kind: Callable[..., T], row: object, **converted: object) -> T:
    """Copy a row to a frozen value, field by field; `converted` has fields that differ."""
    for name in _names(kind):
        if name not in converted:
            converted[name] = getattr(row, name)
    return kind(**converted)


@cache
def _names(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - dataclasses have no common type
    return tuple(field.name for field in fields(kind))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a generation failed, as stored: `template` has {placeholders} for `facts`."""

    kind: FailureKind
    template: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The sentence in English."""
        return fill(self.template, self.facts)


@dataclass(frozen=True, slots=True)
class PictureHash:
    """The perceptual hash of a picture, of 256 bits, and that of its mirror image."""

    upright: int
    mirrored: int


@dataclass(frozen=True, slots=True)
class InputFile:
    """A verified file for the input of this name.

    `size` is the width and height of a new attachment that is a picture, `hash` its perceptual
    hash, where pictures are blocked; a mask has neither.
    """

    name: str
    content: bytes = field(repr=False)
    media_type: str
    size: tuple[int, int] = (0, 0)
    hash: PictureHash | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Output:
    """One result of a generation, without its bytes. `position` counts from 0."""

    position: int
    filename: str
    media_type: str
    byte_count: int
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = field(default=None, repr=False)
    text: str | None = None


@dataclass(frozen=True, slots=True)
class OutputContent:
    """One result with its bytes, unchanged from the backend."""

    output: Output
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Generation:
    """One request of one person and its outcome. All times are aware and in UTC.

    A `withheld` result waits for a moderator or was refused; only moderators see its outputs.
    `age_restricted` says that the channel was at the time of the request. `parent_channel_id` is
    the channel of a thread. `typed_prompt` is the typed text if `prompt` was drawn from it,
    `follow_up` the options of the request whose prompt its text becomes. `edited` says that it
    changes an attached file. `shared_url` links to the message in which its requester shared the
    results, `refusal` is why a moderator refused it, if the requester is told. `tellings`, where it
    is delivered, counts how often moderators' decisions changed what is shown.
    """

    id: str
    user_id: int
    user_name: str
    guild_id: int | None
    channel_id: int
    workflow: str
    prompt: str
    values: Mapping[str, Value]
    seed: int | None
    state: GenerationState
    cost: int
    private: bool
    spoiler: bool
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    delivered_at: datetime | None = None
    backend: str | None = None
    failure: Failure | None = None
    outputs: tuple[Output, ...] = ()
    parent_id: str | None = None
    parent_position: int | None = None
    derivation: Derivation | None = None
    layout: Layout = Layout.SEPARATE
    keeps_metadata: bool = True
    removed_at: datetime | None = None
    removed_by: int | None = None
    withheld: bool = False
    age_restricted: bool = False
    message_url: str | None = None
    priority: bool = False
    lane: int = 0
    sampled_at: datetime | None = None
    parent_channel_id: int | None = None
    reply: str = field(default="", repr=False)
    typed_prompt: str | None = None
    follow_up: Mapping[str, Value] | None = None
    edited: bool = False
    shared_url: str | None = None
    refusal: str = ""
    tellings: int = 0

    @property
    def is_deleted(self) -> bool:
        """Whether somebody deleted its results; results pruned by age are still posted."""
        return self.removed_at is not None and self.removed_by is not None

    @property
    def is_charged(self) -> bool:
        """Whether its end is charged: a success, or a cancellation after sampling began."""
        if self.state is GenerationState.CANCELLED:
            return self.sampled_at is not None
        return self.state is GenerationState.SUCCEEDED

    def is_visible_to(self, requester: Requester) -> bool:
        """Return whether this person may see it.

        A private or withheld generation is visible to its requester only, even to those who know
        its id; any other to people in its guild who can view the channel of the request.
        """
        if self.user_id == requester.user_id:
            return True
        is_here = self.guild_id is not None and self.guild_id == requester.guild_id
        if not is_here or self.private or self.withheld:
            return False
        return requester.sees(self.channel_id, self.parent_channel_id)

    @property
    def duration_s(self) -> float | None:
        """Seconds from the start on a backend to the end, if both are known."""
        if self.started_at is None or self.finished_at is None:
            return None
        # The clock may have been changed meanwhile, or the bot stopped.
        passed_s = (self.finished_at - self.started_at).total_seconds()
        return min(max(passed_s, 0.0), LONGEST_RUN_S)
