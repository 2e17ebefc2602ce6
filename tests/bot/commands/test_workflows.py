"""Workflows in Discord: what everybody sees, and what administrators hand in and switch."""

import json
from dataclasses import replace

import pytest

from bot.commands.admin.workflows import require_library_keeper
from bot.i18n.language import _, speaking
from generation.errors import NotPermitted, RequestRefused
from generation.library.inspection import template_of
from generation.request import Actor, GenerationRequest, Requester
from generation.requests.selection import select_workflow
from sandbox.discord_api.model.components import walk
from tests.support.messages import said
from workflows.errors import InvalidGraph
from workflows.graph import parse_graph

pytestmark = pytest.mark.simcord(settle_timeout=2)

GRAPH = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": 512, "height": 512, "batch_size": 1},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a `fox`", "clip": ["4", 1]}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["6", 0],
            "latent_image": ["5", 0],
            "seed": 1,
            "steps": 20,
            "cfg": 4.0,
        },
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "x"}},
}


def told(result):
    return result.followups[-1] if result.followups else result.response


def text_of(message):
    return said(message)


async def test_everybody_sees_what_can_be_made_and_nobody_else_does(place):
    result = await place.ana.slash(place.channel, "workflows")
    assert result.ephemeral
    text = text_of(told(result))
    assert "`txt2img-sd`" in text
    assert "Page 1 of 4" in text


@pytest.fixture
async def handed_in(services):
    """A file that somebody gave to `/limner workflows add`."""
    content = json.dumps(GRAPH).encode()
    return await services.library.stage(Actor(7, 5), content, "Red Fox.json")


async def test_a_file_is_shown_before_it_is_enabled_and_then_has_its_command(
    place, services, handed_in
):
    result = await place.ada.slash(place.channel, "limner workflows inspect", workflow="red_fox")
    report = told(result)
    assert result.ephemeral
    assert "`prompt` text, required" in text_of(report)
    assert [one.filename for one in report.attachments] == ["red_fox.txt", "red_fox.toml"]
    assert "red_fox" not in services.library._catalog.workflows
    await place.ada.click(report, label="Enable")
    workflow = services.library._catalog.workflows["red_fox"]
    assert workflow.manifest.command == "red_fox"
    assert [act[:3] for act in services.library.acts] == [
        ("stage-workflow", "red_fox", 7),
        ("enable-workflow", "red_fox", place.ada.id),
    ]


async def test_what_was_handed_in_is_renamed_and_keeps_its_command(place, services, handed_in):
    result = await place.ada.slash(place.channel, "limner workflows inspect", workflow="red_fox")
    asked = await place.ada.click(told(result), label="Rename…")
    assert asked.modal is not None
    report = await services.library.rename(Actor(7, 5), "red_fox", "  A red \x00fox ")
    assert (report.title, report.command) == ("A red fox", "red_fox")
    again = await place.ada.slash(place.channel, "limner workflows inspect", workflow="red_fox")
    assert text_of(told(again)).lstrip().startswith("### A red fox\n-# Ready · Pictures · /red_fox")
    await place.ada.slash(place.channel, "limner workflows enable", workflow="red_fox")
    assert (await services.library.rename(Actor(7, 5), "red_fox", "Fox")).title == "Fox"
    assert services.library._catalog.workflows["red_fox"].manifest.title == "Fox"
    for name, title, sentence in (
        ("red_fox", "  ", "Type a title"),
        ("upscale", "Larger", "can't be changed here"),
        ("gone", "Larger", "no workflow of that name"),
    ):
        with pytest.raises(RequestRefused, match=sentence):
            await services.library.rename(Actor(7, 5), name, title)


async def test_an_administrator_switches_inspects_and_removes(place, services, handed_in):
    library = services.library
    enabled = await place.ada.slash(place.channel, "limner workflows enable", workflow="red_fox")
    assert "/red_fox" in told(enabled).content
    inspected = await place.ada.slash(place.channel, "limner workflows inspect", workflow="red_fox")
    assert "Ready" in text_of(told(inspected))
    assert not any("label" in part for part in walk(told(inspected).components))
    await place.ada.slash(place.channel, "limner workflows disable", workflow="red_fox")
    assert "red_fox" not in library._catalog.workflows
    inspected = await place.ada.slash(place.channel, "limner workflows inspect", workflow="red_fox")
    parts = walk(told(inspected).components)
    assert [part["label"] for part in parts if "label" in part] == ["Enable", "Rename…"]
    listed = await place.ada.slash(place.channel, "limner workflows list")
    assert "`red_fox` · off" in text_of(told(listed))
    await place.ada.slash(place.channel, "limner workflows enable", workflow="red_fox")
    assert "red_fox" in library._catalog.workflows
    await place.ada.slash(place.channel, "limner workflows remove", workflow="red_fox")
    assert "red_fox" not in {one.name for one in library.entries()}
    again = await place.ada.slash(place.channel, "limner workflows reload")
    assert "Usable workflows: 32" in told(again).content
    library._managed.folder.joinpath("bad.json").write_text("{}")
    await place.ada.slash(place.channel, "limner workflows reload")
    listed = text_of(told(await place.ada.slash(place.channel, "limner workflows list")))
    assert listed.index("bad.json") < listed.index("`txt2img-sd`"), "a long list is cut off"


async def test_a_file_from_elsewhere_is_not_fetched(place, services, errors_are_told):
    file = ("fox.json", json.dumps(GRAPH).encode())
    result = await place.ada.slash(place.channel, "limner workflows add", file=file)
    assert "The file isn't on Discord" in text_of(told(result))
    assert not services.library._managed.staged()


async def test_what_cannot_be_done_is_said(place, services, handed_in, errors_are_told):
    for deed, sentence in (
        ("enable", "There is no workflow of that name. Choose one from the list."),
        ("disable", "There is no workflow of that name. Choose one from the list."),
        ("remove", "There is no workflow of that name. Choose one from the list."),
    ):
        result = await place.ada.slash(place.channel, f"limner workflows {deed}", workflow="gone")
        assert sentence in text_of(told(result))
    result = await place.ada.slash(place.channel, "limner workflows remove", workflow="upscale")
    assert "not one that was added here. Disable it instead." in text_of(told(result))
    library = services.library
    with pytest.raises(RequestRefused, match="no ComfyUI workflow in this file"):
        await library.stage(Actor(7, 5), b"", "empty.json")
    with pytest.raises(RequestRefused, match=r"The graph has no nodes\. Export it"):
        await library.stage(Actor(7, 5), b"{}", "empty.json")
    with pytest.raises(RequestRefused, match="not valid JSON"):
        await library.stage(Actor(7, 5), b"hello", "note.txt")
    content = json.dumps(GRAPH).encode()
    with pytest.raises(RequestRefused, match="There is a workflow upscale already"):
        await library.stage(Actor(7, 5), content, "upscale.json")


class Asking:
    """As much of an interaction as decides who may change workflows."""

    def __init__(self, *, guilds, user_id=1, shards=None, is_ready=True):
        class Guild:
            owner_id = 1

        class Application:
            team = None

            class owner:  # noqa: N801 - the library's attribute
                id = 9

        class Client:
            application = Application
            shard_ids, shard_count = shards or (None, None)

            @staticmethod
            def is_ready():
                return is_ready

        self.client = Client
        self.client.guilds = guilds
        self.guild_id = 5
        self.guild = Guild
        self.user = type("User", (), {"id": user_id})

    def is_user_integration(self):
        return False


def test_where_the_bot_is_in_several_servers_only_its_operator_changes_workflows():
    require_library_keeper(Asking(guilds=[1]))
    require_library_keeper(Asking(guilds=[1, 2], user_id=9))
    with pytest.raises(NotPermitted, match="the same in every server"):
        require_library_keeper(Asking(guilds=[1, 2]))


@pytest.mark.parametrize("facts", [{"shards": ([0], 2)}, {"is_ready": False}])
def test_where_not_all_servers_are_known_only_the_operator_changes_workflows(facts):
    """Another process has the other shards, or some have not connected yet."""
    require_library_keeper(Asking(guilds=[1], shards=([0, 1], 2)))
    require_library_keeper(Asking(guilds=[1], user_id=9, **facts))
    with pytest.raises(NotPermitted, match="the same in every server"):
        require_library_keeper(Asking(guilds=[1], **facts))


async def test_only_a_trial_uses_what_is_not_enabled(place, services, handed_in):
    catalog = services.library._catalog
    assert catalog.find("red_fox").manifest.kind == "txt2img"
    request = GenerationRequest(
        Requester(user_id=1, name="ana", channel_id=9), "a fox", workflow="red_fox"
    )
    with pytest.raises(RequestRefused, match="no workflow of that name"):
        select_workflow(request, catalog, services.library._pool)
    trial = select_workflow(replace(request, is_trial=True), catalog, services.library._pool)
    assert trial is catalog.find("red_fox")
    await services.library.remove(Actor(7, 5), "red_fox")
    assert catalog.find("red_fox") is None


def test_what_is_wrong_with_a_file_is_said_in_the_readers_language():
    graph = {"1": {"class_type": "KSampler", "inputs": {"model": ["7", 0]}}}
    with pytest.raises(InvalidGraph) as caught:
        parse_graph(graph)
    template, facts = template_of(caught.value.sentences[0])
    assert template.format(**facts) == caught.value.sentences[0]
    with speaking("de"):
        assert "mit Node „7“ verbunden, den es nicht gibt" in _(template, **facts)
