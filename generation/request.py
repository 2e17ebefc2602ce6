"""Requests from front ends to the core, as plain values."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Value = str | int | float | bool
"""A value of a workflow's input as given, before validation by the manifest."""


class Derivation(StrEnum):
    """How a generation was derived from another one."""

    UPSCALE = "upscale"
    VARY = "vary"
    AGAIN = "again"
    RETRY = "retry"
    REMIX = "remix"
    INPUT = "input"


class Layout(StrEnum):
    """How several pictures are shown: separately, or four in one."""

    SEPARATE = "separate"
    GRID = "grid"


def sees_everything(_channel_id: int, _parent_channel_id: int | None) -> bool:
    """Return True: the default for front ends without channels."""
    return True


@dataclass(frozen=True, slots=True)
class Requester:
    """Who makes a request, and where.

    `parent_channel_id` is the channel of a thread, `category_id` the category of the channel or of
    the thread's channel. `is_operator` is set only at the bot's own terminal, where every workflow
    is available. `sees` says whether they can view another channel, or a thread of one, in the same
    guild.
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
        """Ids from the narrowest place to the widest: thread, channel, category."""
        places = (self.channel_id, self.parent_channel_id, self.category_id)
        return tuple(place for place in places if place is not None)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and in which guild; None is direct messages."""

    user_id: int
    guild_id: int | None


FetchFile = Callable[[], Awaitable[bytes]]
"""Loads an attachment into memory, unverified; raises RequestRefused if it is gone."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One request of one person.

    `values` and `files` are keyed by the manifest's input names; a file is fetched after the
    request was admitted. `workflow` None selects the default workflow that has an input for
    everything given, of one of the `kinds` if any are set. `aspect` is a ratio such as "3:2".
    `parent_id`, `parent_position` and `derivation` say from which result it is derived, and how.
    `follow_up` are the options of the request whose prompt its text becomes. `results` names the
    files that are results of ours; the others are attachments. `is_edit` says that such a result
    changes an attached file. `is_trial` allows an uploaded workflow that is not enabled yet,
    for requesters who may enable it. `reply` is opaque to the core: the front end's address of the
    reply.
    """

    requester: Requester
    prompt: str
    workflow: str | None = None
    kinds: tuple[str, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    files: Mapping[str, FetchFile] = field(default_factory=dict, repr=False)
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
    is_trial: bool = False
    reply: str = field(default="", repr=False)
