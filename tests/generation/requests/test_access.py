"""Who may use a workflow, and where."""

import pytest

from generation.errors import FailureKind, RequestRefused
from generation.request import GenerationRequest, Requester
from generation.requests.access import check_access, check_role_access, may_choose, may_use
from workflows.lora_tags import Lora
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
    assert not may_use(film, requester, {"workflows": ["other"]})
    if allowed:
        check_access(film, requester)
        return
    with pytest.raises(RequestRefused) as refused:
        check_access(film, requester)
    assert refused.value.kind is FailureKind.NOT_ALLOWED_HERE
    assert refused.value.sentence.startswith("The workflow film can be used")


STYLED = """
[[input]]
name = "model"
type = "checkpoint"
targets = ["1.ckpt_name"]

[[input]]
name = "style"
type = "lora"
targets = ["2.lora_name"]
default = "own.safetensors"

[[input]]
name = "refiner"
type = "checkpoint"
targets = ["3.ckpt_name"]
hidden = true

[[input]]
name = "steps"
type = "integer"
targets = ["4.steps"]
default = 20
"""


@pytest.mark.parametrize(
    ("access", "values", "given", "refused"),
    [
        ({"workflows": ["film"]}, {}, {}, None),
        ({"workflows": ["other"]}, {}, {}, "film"),
        ({"models": ["a"]}, {"model": "a.safetensors"}, {}, None),
        ({"models": ["a"]}, {"model": "b.safetensors"}, {}, "b.safetensors"),
        ({"models": ["a"]}, {"refiner": "b.safetensors"}, {}, None),
        ({"loras": []}, {"style": "own.safetensors"}, {}, None),
        ({"loras": ["a"]}, {"style": "b.safetensors"}, {}, "b.safetensors"),
        ({"options": []}, {}, {"values": {"steps": 20}}, None),
        ({"options": []}, {}, {"values": {"steps": 9}}, "steps"),
        ({"options": []}, {}, {"aspect": "1:1"}, "size"),
        ({"options": ["size"]}, {}, {"aspect": "1:1"}, None),
        ({"options": []}, {}, {"files": {"image": None}}, "image"),
        ({"loras": ["a"]}, {}, {"loras": [Lora("ink", 1.0)]}, "ink"),
    ],
)
def test_what_roles_may_use_of_a_workflow(access, values, given, refused):
    loras = given.get("loras", ())
    asked = {name: value for name, value in given.items() if name != "loras"}
    request = GenerationRequest(SOMEBODY, "a fox", **asked)
    if refused is None:
        check_role_access(access, workflow(STYLED), request, values, loras)
        return
    with pytest.raises(RequestRefused) as caught:
        check_role_access(access, workflow(STYLED), request, values, loras)
    assert caught.value.kind is FailureKind.NOT_ALLOWED_HERE
    assert caught.value.facts == {"option": refused}


@pytest.mark.parametrize(
    ("name", "choice", "allowed"),
    [("model", "a", True), ("model", "b", False), ("style", "b", True), ("steps", "b", True)],
)
def test_which_choices_are_offered(name, choice, allowed):
    wanted = workflow(STYLED).manifest.find(name)
    assert may_choose({"models": ["a"]}, wanted, choice) is allowed
