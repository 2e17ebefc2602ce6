"""Who may use a workflow, and where."""

import pytest

from generation.errors import FailureKind, RequestRefused
from generation.request import Requester
from generation.requests.access import check_access, may_use
from workflows.reading import parse_manifest
from workflows.workflow import Workflow

SOMEBODY = Requester(user_id=1, name="ana", channel_id=10, guild_id=5)


def workflow(toml):
    return Workflow("film", parse_manifest('title = "Film"\n' + toml), {})


@pytest.mark.parametrize(
    ("access", "facts", "allowed"),
    [
        ("", {}, True),
        ("roles = [7]", {}, False),
        ("roles = [7, 8]", {"role_ids": frozenset({8})}, True),
        ("channels = [11]", {}, False),
        ("channels = [10]", {}, True),
        ("channels = [11]", {"parent_channel_id": 11}, True),
        ("age_restricted = true", {}, False),
        ("age_restricted = true", {"is_channel_age_restricted": True}, True),
        ("roles = [7]\nchannels = [10]", {}, False),
        ("roles = [7]\nage_restricted = true", {"is_operator": True}, True),
    ],
)
def test_who_may_use_it_and_where(access, facts, allowed):
    requester = Requester(
        **{**{name: getattr(SOMEBODY, name) for name in SOMEBODY.__slots__}, **facts}
    )
    film = workflow(f"[access]\n{access}")
    assert may_use(film, requester) is allowed
    if allowed:
        check_access(film, requester)
        return
    with pytest.raises(RequestRefused) as refused:
        check_access(film, requester)
    assert refused.value.kind is FailureKind.NOT_ALLOWED_HERE
    assert refused.value.sentence.startswith("The workflow film can be used")
