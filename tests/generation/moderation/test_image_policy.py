"""What a guild's policy makes of what was found."""

import pytest

from generation.moderation.image_policy import (
    CheckMode,
    Detections,
    ImagePolicy,
    ImageVerdict,
    decide,
    merge,
    strictest,
)

SURE, UNSURE, NOTHING, UNSEEN = (
    Detections({"breast": 0.5}),
    Detections({"breast": 0.499}),
    Detections(),
    None,
)


@pytest.mark.parametrize(
    ("mode", "finding", "verdict"),
    [
        (CheckMode.OFF, SURE, ImageVerdict.SHOW),
        (CheckMode.OFF, UNSEEN, ImageVerdict.SHOW),
        (CheckMode.SPOILER, SURE, ImageVerdict.SPOILER),
        (CheckMode.SPOILER, UNSURE, ImageVerdict.SHOW),
        (CheckMode.SPOILER, NOTHING, ImageVerdict.SHOW),
        (CheckMode.SPOILER, UNSEEN, ImageVerdict.HOLD),
        (CheckMode.HOLD, SURE, ImageVerdict.HOLD),
        (CheckMode.HOLD, UNSURE, ImageVerdict.SHOW),
        (CheckMode.HOLD, NOTHING, ImageVerdict.SHOW),
        (CheckMode.HOLD, UNSEEN, ImageVerdict.HOLD),
        (CheckMode.REFUSE, SURE, ImageVerdict.REFUSE),
        (CheckMode.REFUSE, UNSURE, ImageVerdict.SHOW),
        (CheckMode.REFUSE, NOTHING, ImageVerdict.SHOW),
        (CheckMode.REFUSE, UNSEEN, ImageVerdict.HOLD),
    ],
)
def test_the_policy_decides(mode, finding, verdict):
    assert decide(ImagePolicy(mode), finding) is verdict


@pytest.mark.parametrize("finding", [SURE, UNSEEN])
def test_age_restricted_channels_are_exempt_unless_a_guild_says_no(finding):
    exempting = ImagePolicy(CheckMode.REFUSE)
    assert decide(exempting.in_channel(is_age_restricted=True), finding) is ImageVerdict.SHOW
    strict = ImagePolicy(CheckMode.REFUSE, exempts_age_restricted=False)
    assert decide(strict.in_channel(is_age_restricted=True), finding) is not ImageVerdict.SHOW


@pytest.mark.parametrize(
    ("percent", "verdict"), [(49, ImageVerdict.REFUSE), (50, ImageVerdict.SHOW)]
)
def test_a_guild_says_how_certain_it_must_be(percent, verdict):
    policy = ImagePolicy(CheckMode.REFUSE, percent)
    assert decide(policy, UNSURE) is verdict


def test_of_several_pictures_the_most_certain_and_the_strictest_count():
    merged = merge([UNSURE, SURE, Detections({"anus": 0.3})])
    assert merged.scores == {"breast": 0.5, "anus": 0.3}
    assert merged.note == "breast 50%"
    assert (
        strictest([ImageVerdict.SPOILER, ImageVerdict.REFUSE, ImageVerdict.HOLD])
        is ImageVerdict.REFUSE
    )
    assert (
        strictest([ImageVerdict.SHOW, ImageVerdict.HOLD, ImageVerdict.SPOILER]) is ImageVerdict.HOLD
    )
    assert strictest([]) is ImageVerdict.SHOW
