"""Finds nakedness in pictures; the one home of NudeNet, an optional extra (`limner[nsfw]`).

Its model ships in its package: nothing is downloaded, and no picture leaves this machine.
"""

from importlib.util import find_spec
from typing import Any

from generation.moderation.image_policy import Detections, ImageChecker

NAMES = {
    "ANUS_EXPOSED": "anus",
    "BUTTOCKS_EXPOSED": "buttocks",
    "FEMALE_BREAST_EXPOSED": "breast",
    "FEMALE_GENITALIA_EXPOSED": "female genitals",
    "MALE_GENITALIA_EXPOSED": "male genitals",
}
"""What counts of its 18 classes (https://github.com/notAI-tech/NudeNet): what is bare, and not
feet, armpits, bellies, male breasts and faces."""


def find_checker() -> ImageChecker | None:
    """The checker, where its package is installed; nothing is loaded yet."""
    return NudeNetChecker() if find_spec("nudenet") else None


class NudeNetChecker:
    """Loads its model with the first picture, in about a second, and keeps it: 110 MB or so."""

    def __init__(self) -> None:
        self._detector: Any = None

    def check(self, picture: bytes) -> Detections:
        """What is bare in a PNG; less than a tenth of a second on a processor."""
        if self._detector is None:
            from nudenet import NudeDetector  # noqa: PLC0415 - an optional extra

            self._detector = NudeDetector()
        scores: dict[str, float] = {}
        for found in self._detector.detect(picture):
            name = NAMES.get(found["class"])
            if name is not None:
                scores[name] = max(float(found["score"]), scores.get(name, 0.0))
        return Detections(scores)
