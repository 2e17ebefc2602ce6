"""Requests from front ends to the core, as plain values."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Value = str | int | float | bool
"""A value of a workflow's input as a person gave it, before the manifest checks it."""


class Derivation(StrEnum):
    """How a generation came from another one."""

    UPSCALE = "upscale"
    VARY = "vary"
    AGAIN = "again"
    RETRY = "retry"
    REMIX = "remix"
    INPUT = "input"


class Layout(StrEnum):
    """How several pictures are shown: each as it is, or four in one."""

    SEPARATE = "separate"
    GRID = "grid"


def sees_everything(_channel_id: int, _parent_channel_id: int | None) -> bool:
    """Default for front ends without channels."""
    return True


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks, and from where.

    `parent_channel_id` is the channel that a thread belongs to. `is_operator` is set at the bot's
    own terminal alone: no workflow is closed there. `category_id` is what the channel, or the
    thread's channel, is sorted under.
    `sees` says whether they see another channel, or a thread of the other one, in the same guild.
    """

    user_id: int
    name: str
    channel_id: int
    guild_id: int | None = None
    role_ids: frozenset[int] = frozenset()
    parent_channel_id: int | None = None
    is_channel_age_restricted: bool = False
    is_operator: bool = False
    category_id: int | None = None
    sees: Callable[[int, int | None], bool] = field(
        default=sees_everything, repr=False, compare=False
    )

    @property
    def place_ids(self) -> tuple[int, ...]:
        """From the narrowest place to the widest: thread, channel, category."""
        places = (self.channel_id, self.parent_channel_id, self.category_id)
        return tuple(place for place in places if place is not None)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and in which guild: None is direct messages."""

    user_id: int
    guild_id: int | None


FetchFile = Callable[[], Awaitable[bytes]]
"""Brings what somebody attached into memory, unverified; raises RequestRefused where it is gone."""


async def placeholder_file() -> bytes:
    """Stand for a file that is to be fetched from where only the caller of `submit` can."""
    raise RuntimeError("This request was only to be checked.")


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One request of one person.

    `values` and `images` are keyed by the manifest's input names; an image is fetched once the
    request was admitted. `workflow` None means: the default workflow that has a place for what was
    given, of one of the `kinds` if there are any. `aspect` is a ratio such as "3:2".
    `parent_id`, `parent_position` and `derivation` say which result it comes from, and how.
    `follow_up` are the options of the request that its text is to become the prompt of.
    `results` names those of the images that are results of ours; somebody attached the others.
    `is_edit` says that such a result changes an attached file itself.
    `reply` is opaque to the core: the front end's address of the reply.
    """

    requester: Requester
    prompt: str
    workflow: str | None = None
    kinds: tuple[str, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    images: Mapping[str, FetchFile] = field(default_factory=dict, repr=False)
    aspect: str | None = None
    private: bool = False
    spoiler: bool = False
    layout: Layout = Layout.SEPARATE
    keeps_metadata: bool = True
    parent_id: str | None = None
    parent_position: int | None = None
    derivation: Derivation | None = None
    follow_up: Mapping[str, Value] = field(default_factory=dict)
    results: frozenset[str] = frozenset()
    is_edit: bool = False
    reply: str = field(default="", repr=False)
