"""Reasons why a request was refused or a generation ended without pictures.

GenerationError
├── RequestRefused        before anything was recorded; nothing was charged
│   ├── InvalidOption     what was chosen or typed cannot be used
│   ├── InvalidAttachment what was attached cannot be used
│   └── NotAllowedHere    not by this person, or not in this place
├── GenerationFailed      how an accepted generation ended; its charge is refunded
│   └── UnusableResult    what the backend sent is no result
├── UnknownGeneration     no such id
├── NotYours              somebody else's generation, and the asker does not moderate
├── GenerationRemoved     its results were taken away
├── NotPermitted          an action that needs more permissions
└── ServiceUnavailable    the database or the line cannot be reached just now
"""

from collections.abc import Mapping
from enum import StrEnum

from generation.text import fill


class FailureKind(StrEnum):
    """Every way a request can fail; front ends have one fixed title for each."""

    QUEUE_FULL = "queue_full"
    DAILY_LIMIT = "daily_limit"
    SLOW_DOWN = "slow_down"
    PROMPT_NOT_ALLOWED = "prompt_not_allowed"
    NOT_ALLOWED_HERE = "not_allowed_here"
    BLOCKED_HERE = "blocked_here"
    INVALID_OPTION = "invalid_option"
    INVALID_ATTACHMENT = "invalid_attachment"
    MISSING_MODEL = "missing_model"
    WORKFLOW_ERROR = "workflow_error"
    OUT_OF_MEMORY = "out_of_memory"
    BACKEND_OFFLINE = "backend_offline"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    BLOCKED_BY_FILTER = "blocked_by_filter"


class GenerationError(Exception):
    """The base of every error that leaves this package.

    `template` is one plain sentence with {placeholders} for `facts`; a front end may translate it.
    """

    def __init__(self, template: str = "", facts: Mapping[str, object] | None = None) -> None:
        self.template = template
        self.facts = dict(facts or {})
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The sentence in English."""
        return fill(self.template, self.facts)


class _Failure(GenerationError):
    """A kind and one plain sentence a person can be shown: no path, address or secret in it.

    `facts` are JSON values, and a front end may render more of them than the sentence, for example
    `{"retry_at": "2026-01-01T00:00:00+00:00"}` or `{"installed": ["a.safetensors"]}`.
    """

    def __init__(
        self, kind: FailureKind, template: str, facts: Mapping[str, object] | None = None
    ) -> None:
        self.kind = kind
        super().__init__(template, facts)


class RequestRefused(_Failure):
    """The request was not accepted; nothing was recorded or charged."""


class InvalidOption(RequestRefused):
    """What was chosen or typed cannot be used."""

    def __init__(self, template: str, facts: Mapping[str, object] | None = None) -> None:
        super().__init__(FailureKind.INVALID_OPTION, template, facts)


class InvalidAttachment(RequestRefused):
    """What was attached cannot be used."""

    def __init__(self, template: str, facts: Mapping[str, object] | None = None) -> None:
        super().__init__(FailureKind.INVALID_ATTACHMENT, template, facts)


class NotAllowedHere(RequestRefused):
    """Not by this person, or not in this place."""

    def __init__(self, template: str, facts: Mapping[str, object] | None = None) -> None:
        super().__init__(FailureKind.NOT_ALLOWED_HERE, template, facts)


class GenerationFailed(_Failure):
    """An accepted generation ended without pictures."""


class UnusableResult(GenerationFailed):
    """A result is not what its node produces; `report` is the sentence for the operator."""

    def __init__(self, kind: FailureKind, template: str, *, report: str) -> None:
        super().__init__(kind, template)
        self.report = report


class UnknownGeneration(GenerationError):
    """There is no generation with this id."""

    def __init__(self, generation_id: str) -> None:
        super().__init__('No result "{id}". Pick one from the list.', {"id": generation_id})


class NotYours(GenerationError):
    """The generation belongs to somebody else, and the asker does not moderate."""

    def __init__(self, generation_id: str) -> None:
        super().__init__("Only the person who made this, or a moderator, can do that.")
        self.generation_id = generation_id


class GenerationRemoved(GenerationError):
    """Its results were taken away by its requester or a moderator."""

    def __init__(self, generation_id: str) -> None:
        super().__init__("These results were deleted.")
        self.generation_id = generation_id


class NotPermitted(GenerationError):
    """An action that needs more permissions; the sentence says whose."""


class ServiceUnavailable(GenerationError):
    """The database or the line cannot be reached just now; trying later may help."""
