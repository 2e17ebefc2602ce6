"""Nudity detection; the only module that imports NudeNet, an extra (`limner[nsfw]`).

The model ships in its package: nothing is downloaded, and no picture leaves this machine.
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
"""Labels used, of 18 (https://github.com/notAI-tech/NudeNet): exposed parts, without feet, armpits,
bellies, male breasts and faces."""


def find_checker() -> ImageChecker | None:
    """Return the checker if its package is installed; loads nothing yet."""
    return NudeNetChecker() if find_spec("nudenet") else None


class NudeNetChecker:
    """Checker that loads its model with the first picture, in about a second: 110 MB."""

    def __init__(self) -> None:
        self._detector: Any = None

    def check(self, picture: bytes) -> Detections:
        """Detect exposed parts in a PNG, in less than a tenth of a second on a CPU."""
        if self._detector is None:
            from nudenet import NudeDetector  # noqa: PLC0415 - an optional extra

            self._detector = NudeDetector()
        scores: dict[str, float] = {}
        for found in self._detector.detect(picture):
            name = NAMES.get(found["class"])
            if name is not None:
                scores[name] = max(float(found["score"]), scores.get(name, 0.0))
        return Detections(scores)
