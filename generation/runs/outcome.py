"""Outcome of one attempt on a backend, as plain JSON values that the engine stores."""

from typing import Literal, NotRequired, TypedDict

from generation.errors import FailureKind
from generation.record import Failure


class Outcome(TypedDict):
    """The outcome of a run.

    `lost` asks for another attempt; `withdrawn` means that something else ends the generation.
    """

    ended: Literal["succeeded", "failed", "lost", "withdrawn"]
    kind: NotRequired[str]
    sentence: NotRequired[str]
    facts: NotRequired[dict[str, object]]


SUCCEEDED: Outcome = {"ended": "succeeded"}
LOST: Outcome = {"ended": "lost"}
WITHDRAWN: Outcome = {"ended": "withdrawn"}


def failed(failure: Failure) -> Outcome:
    """Build the outcome of a run that failed for good."""
    return {
        "ended": "failed",
        "kind": failure.kind.value,
        "sentence": failure.template,
        "facts": dict(failure.facts),
    }


def failure_of(outcome: Outcome) -> Failure:
    """Return the failure in an outcome."""
    return Failure(FailureKind(outcome["kind"]), outcome["sentence"], outcome.get("facts", {}))
