"""Reasons of flags, in the language of the moderator who reads them."""

import pytest

from bot.i18n.language import speaking, translate
from bot.ui.reasons import flag_text
from generation.moderation.image_filter import BLOCKED, FLAG, UNSEEN
from generation.moderation.image_policy import Detections
from generation.moderation.nudenet import NAMES


@pytest.mark.parametrize("name", [*NAMES.values(), BLOCKED, UNSEEN, Detections().note])
def test_what_the_image_check_notes_has_a_translation(name):
    assert translate(name, "de") != name


def test_an_image_checks_note_is_translated_part_by_part():
    detections = Detections({"female genitals": 0.873})
    with speaking("de"):
        said = flag_text(FLAG, f"attached: {detections.note}, {UNSEEN}")
    assert said.endswith("angehängt: weibliche Genitalien 87%, konnte nicht geprüft werden")
    assert flag_text(FLAG, "attached: breast 9%, breast 87%").endswith("breast 9%, breast 87%")
