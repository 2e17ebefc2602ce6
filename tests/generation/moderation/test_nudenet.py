"""The real checker, with the model of its package."""

import io
import sys

import pytest
from PIL import Image, ImageDraw, ImageFilter

from generation.media import imaging
from generation.moderation.nudenet import NAMES, NudeNetChecker, find_checker

if sys.version_info >= (3, 15):
    pytest.skip("NudeNet's onnxruntime has no wheels for 3.15", allow_module_level=True)

from nudenet import nudenet


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


def draw_figure():
    """A bare torso of a few ellipses."""
    picture = Image.new("RGB", (640, 640), (120, 110, 100))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((148, 128, 492, 704), radius=80, fill=(224, 172, 140))
    pen.rectangle((280, 64, 360, 192), fill=(224, 172, 140))
    pen.ellipse((240, -60, 400, 102), fill=(224, 172, 140))
    for middle in (237, 403):
        pen.ellipse(
            (middle - 80, 212, middle + 80, 372),
            fill=(232, 182, 150),
            outline=(190, 135, 110),
            width=5,
        )
        pen.ellipse((middle - 24, 276, middle + 24, 324), fill=(170, 100, 85))
    return picture.filter(ImageFilter.GaussianBlur(4))


def test_it_finds_a_drawn_figure_and_a_half_made_one():
    content = io.BytesIO()
    draw_figure().save(content, "PNG")
    checker = NudeNetChecker()
    (still,) = imaging.stills(content.getvalue())
    assert checker.check(still).scores["breast"] > 0.5
    assert any(
        checker.check(sketch).score > 0.25 for sketch in imaging.sketches(content.getvalue())
    )


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
