"""The real checker, with the model of its package."""

import io

from nudenet import nudenet
from PIL import Image

from generation import imaging
from generation.nudity import NAMES, NudeNetChecker, find_checker


def test_its_classes_are_those_that_count_by_name():
    assert set(NAMES) <= set(vars(nudenet)["__labels"])


def test_it_takes_pictures_of_every_shape_and_finds_nothing_in_plain_ones():
    checker = find_checker()
    assert isinstance(checker, NudeNetChecker)
    for mode, size in [("RGB", (640, 480)), ("RGBA", (64, 900)), ("L", (3, 3)), ("P", (320, 320))]:
        content = io.BytesIO()
        Image.new(mode, size).save(content, "PNG")
        (still,) = imaging.stills(content.getvalue())
        assert checker.check(still).score == 0


def test_what_it_names_is_kept_with_its_best_score():
    class Detector:
        def detect(self, picture):
            return [
                {"class": "FEMALE_BREAST_EXPOSED", "score": 0.4, "box": []},
                {"class": "FEMALE_BREAST_EXPOSED", "score": 0.7, "box": []},
                {"class": "FEET_EXPOSED", "score": 0.9, "box": []},
            ]

    checker = NudeNetChecker()
    checker._detector = Detector()
    assert checker.check(b"").scores == {"breast": 0.7}
