"""A guild's policy for checked pictures, and the verdict on one of them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

DEFAULT_PERCENT = 50
"""Default threshold of certainty, in percent."""

LEAST_PERCENT = 25
"""Lowest threshold of certainty."""


class CheckMode(StrEnum):
    """Action of a guild on a picture in which something was detected."""

    OFF = "off"
    SPOILER = "spoiler"
    HOLD = "hold"
    REFUSE = "refuse"


class ImageVerdict(StrEnum):
    """Verdict on a result, from mildest to strictest; HOLD waits for a moderator."""

    SHOW = "show"
    SPOILER = "spoiler"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Detections:
    """Scores of a checker by label, from 0 to 1."""

    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """The highest score; 0 without detections."""
        return max(self.scores.values(), default=0.0)

    @property
    def note(self) -> str:
        """The label with the highest score, for moderators."""
        name = max(self.scores, key=self.scores.__getitem__, default="")
        return f"{name} {self.score:.0%}" if name else "nothing"


class ImageChecker(Protocol):
    """Detects content in pictures, one at a time, in a separate thread."""

    def check(self, picture: bytes) -> Detections:
        """Check a PNG; blocking. May raise any exception."""


@dataclass(frozen=True, slots=True)
class ImagePolicy:
    """A guild's policy. `percent` is the threshold of certainty.

    With `checks_inputs` it also applies to attachments.
    """

    mode: CheckMode = CheckMode.OFF
    percent: int = DEFAULT_PERCENT
    exempts_age_restricted: bool = True
    checks_inputs: bool = False

    def in_channel(self, *, is_age_restricted: bool) -> "ImagePolicy":
        """Return the policy for a channel: off in an age-restricted one that is exempt."""
        is_exempt = is_age_restricted and self.exempts_age_restricted
        return replace(self, mode=CheckMode.OFF) if is_exempt else self


def decide(policy: ImagePolicy, finding: Detections | None) -> ImageVerdict:
    """Return the verdict on a result; detections of None stand for an unchecked picture.

    An unchecked picture is held for moderators wherever pictures are checked.
    """
    if policy.mode is CheckMode.OFF:
        return ImageVerdict.SHOW
    if finding is None:
        return ImageVerdict.HOLD
    is_certain = finding.score * 100 >= policy.percent
    return ImageVerdict(policy.mode.value) if is_certain else ImageVerdict.SHOW


def merge(findings: Iterable[Detections]) -> Detections:
    """Return the highest score of each label in several pictures."""
    scores: dict[str, float] = {}
    for finding in findings:
        for name, score in finding.scores.items():
            scores[name] = max(score, scores.get(name, 0.0))
    return Detections(scores)


def strictest(verdicts: Iterable[ImageVerdict]) -> ImageVerdict:
    """Return the strictest verdict."""
    order = tuple(ImageVerdict)
    return max(verdicts, key=order.index, default=ImageVerdict.SHOW)
