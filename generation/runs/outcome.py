"""Outcome of one attempt on a backend: plain JSON values, because the engine stores them."""

from typing import Literal, NotRequired, TypedDict

from generation.errors import FailureKind
from generation.record import Failure


class Outcome(TypedDict):
    """The outcome of a run.

    `lost` asks for another attempt; `withdrawn` means that somebody else ends it, or has.
    """

    ended: Literal["succeeded", "failed", "lost", "withdrawn"]
    kind: NotRequired[str]
    sentence: NotRequired[str]
    facts: NotRequired[dict[str, object]]


SUCCEEDED: Outcome = {"ended": "succeeded"}
LOST: Outcome = {"ended": "lost"}
WITHDRAWN: Outcome = {"ended": "withdrawn"}


def failed(failure: Failure) -> Outcome:
    """The outcome of a run that failed for good."""
    return {
        "ended": "failed",
        "kind": failure.kind.value,
        "sentence": failure.template,
        "facts": dict(failure.facts),
    }


def failure_of(outcome: Outcome) -> Failure:
    """The failure that an outcome carries."""
    return Failure(FailureKind(outcome["kind"]), outcome["sentence"], outcome.get("facts", {}))
