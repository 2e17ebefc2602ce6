"""What a guild's policy makes of what was found."""

import pytest

from generation.moderation.image_policy import (
    CheckMode,
    Finding,
    ImagePolicy,
    Verdict,
    decide,
    merge,
    strictest,
)

SURE, UNSURE, NOTHING, UNSEEN = Finding({"breast": 0.9}), Finding({"breast": 0.49}), Finding(), None


@pytest.mark.parametrize(
    ("mode", "finding", "verdict"),
    [
        (CheckMode.OFF, SURE, Verdict.SHOW),
        (CheckMode.OFF, UNSEEN, Verdict.SHOW),
        (CheckMode.SPOILER, SURE, Verdict.SPOILER),
        (CheckMode.SPOILER, UNSURE, Verdict.SHOW),
        (CheckMode.SPOILER, NOTHING, Verdict.SHOW),
        (CheckMode.SPOILER, UNSEEN, Verdict.HOLD),
        (CheckMode.HOLD, SURE, Verdict.HOLD),
        (CheckMode.HOLD, UNSURE, Verdict.SHOW),
        (CheckMode.HOLD, NOTHING, Verdict.SHOW),
        (CheckMode.HOLD, UNSEEN, Verdict.HOLD),
        (CheckMode.REFUSE, SURE, Verdict.REFUSE),
        (CheckMode.REFUSE, UNSURE, Verdict.SHOW),
        (CheckMode.REFUSE, NOTHING, Verdict.SHOW),
        (CheckMode.REFUSE, UNSEEN, Verdict.HOLD),
    ],
)
def test_the_policy_decides(mode, finding, verdict):
    assert decide(ImagePolicy(mode), finding, is_age_restricted=False) is verdict


@pytest.mark.parametrize("finding", [SURE, UNSEEN])
def test_age_restricted_channels_are_exempt_unless_a_guild_says_no(finding):
    exempting = ImagePolicy(CheckMode.REFUSE)
    assert decide(exempting, finding, is_age_restricted=True) is Verdict.SHOW
    strict = ImagePolicy(CheckMode.REFUSE, exempts_age_restricted=False)
    assert decide(strict, finding, is_age_restricted=True) is not Verdict.SHOW


@pytest.mark.parametrize(("percent", "verdict"), [(49, Verdict.REFUSE), (50, Verdict.SHOW)])
def test_a_guild_says_how_certain_it_must_be(percent, verdict):
    policy = ImagePolicy(CheckMode.REFUSE, percent)
    assert decide(policy, UNSURE, is_age_restricted=False) is verdict


def test_of_several_pictures_the_most_certain_and_the_strictest_count():
    merged = merge([UNSURE, SURE, Finding({"anus": 0.3})])
    assert merged.scores == {"breast": 0.9, "anus": 0.3}
    assert merged.note == "breast 90%"
    assert strictest([Verdict.SPOILER, Verdict.REFUSE, Verdict.HOLD]) is Verdict.REFUSE
    assert strictest([Verdict.SHOW, Verdict.HOLD, Verdict.SPOILER]) is Verdict.HOLD
    assert strictest([]) is Verdict.SHOW
