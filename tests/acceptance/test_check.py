"""`limner check` with everything in its place, and with single things out of it."""

import json
import sys

import pytest
from pydantic import SecretStr

from bot.cli.check import Level, find_all
from bot.client import DiscordAddress
from bot.settings import Settings
from generation.moderation.image_policy import Detections
from sandbox.people import as_text, files_of
from tests.support.reverse_proxy import ReverseProxy
from workflows.folders.catalog import LIBRARY
from workflows.folders.managed_folder import ManagedFolder


async def findings(environment, **changes):
    address = environment.world.address
    settings = Settings(
        **{
            "discord_token": SecretStr(environment.world.token),
            "comfyui_urls": (environment.comfyui.url,),
            "data": environment.data,
        }
        | changes
    ).with_backends_file()
    where = DiscordAddress(address.api_base, address.gateway_url)
    found = [finding async for finding in find_all(settings, address=where)]
    return {finding.subject: finding for finding in found}


async def test_everything_in_its_place(environment):
    found = await findings(environment)
    assert {finding.level for finding in found.values()} == {Level.FINE}
    assert "Logged in as Limner; 1000 of 1000 connections left" in found["discord"].sentence
    assert "ComfyUI 0.33.0" in next(
        finding.sentence for subject, finding in found.items() if subject.startswith("backend")
    )
    assert sum(subject.startswith("workflow ") for subject in found) == sum(
        1 for folder in LIBRARY.iterdir() if (folder / "workflow.toml").exists()
    )


async def test_a_wrong_token(environment):
    found = await findings(environment, discord_token=SecretStr("wrong.token.indeed"))
    assert found["discord"].level is Level.FAILED
    assert "refuses this DISCORD_TOKEN" in found["discord"].sentence
    assert "wrong.token" not in str(found)


async def test_what_videos_lack_without_pyav_is_said(environment, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    found = await findings(environment)
    assert found["videos"].level is Level.NOTE
    assert "keep the prompts" in found["videos"].sentence


async def test_where_the_operator_is_told(environment):
    found = await findings(environment, alerts=str(environment.world.channel("moderators").id))
    assert found["alerts"].level is Level.FINE
    assert found["alerts"].sentence == "Sent to moderators."
    found = await findings(environment, alerts="123456789012345678")
    assert found["alerts"].level is Level.NOTE
    assert "may not post where LIMNER_ALERTS says" in found["alerts"].sentence


async def test_one_backend_of_two_is_away(environment):
    found = await findings(
        environment, comfyui_urls=(environment.comfyui.url, "http://127.0.0.1:9")
    )
    assert found["backend 127.0.0.1:9"].level is Level.NOTE
    assert "Start ComfyUI there" in found["backend 127.0.0.1:9"].sentence
    assert all(finding.level is not Level.FAILED for finding in found.values())


BROKEN_BACKENDS = """
[[backend]]
url = "http://127.0.0.1:9"
name = "asleep"
wake = ["no-such-program"]
[[backend]]
url = "http://127.0.0.1:1"
name = "asleep"
[[backend]]
url = "http://127.0.0.1:2"
name = "strange"
kind = "comfi"
[[backend]]
url = "http://127.0.0.1:3"
name = "hosted"
kind = "comfy-api"
object_info = "missing.json"
"""


async def test_backends_that_cannot_be_used_are_named_and_the_others_go_on(environment):
    (environment.data / "backends.toml").write_text(BROKEN_BACKENDS)
    address = environment.world.address
    settings = Settings(
        discord_token=SecretStr(environment.world.token),
        comfyui_urls=(environment.comfyui.url,),
        data=environment.data,
    ).with_backends_file()
    where = DiscordAddress(address.api_base, address.gateway_url)
    found = [finding async for finding in find_all(settings, address=where)]
    said = [one.sentence for one in found if one.subject.startswith("backend")]
    for expected in (
        "ComfyUI 0.33.0",
        "Off: it starts when work waits.",
        "Its wake command no-such-program is not installed here: correct backends.toml.",
        "Two backends are called asleep, and the second is left out",
        "there is no kind 'comfi'",
    ):
        assert sum(expected in sentence for sentence in said) == 1, said
    assert any("hosted" in one.subject and one.level is Level.NOTE for one in found)
    assert all(one.level is not Level.FAILED for one in found)


async def test_no_backend_at_all(environment):
    found = await findings(environment, comfyui_urls=("http://127.0.0.1:9",))
    assert found["backends"].level is Level.FAILED


async def test_a_backend_without_what_workflows_need(environment):
    async with type(environment.comfyui)(
        step_seconds=0, load_seconds=0, missing=["UpscaleModelLoader"], models={}
    ) as bare:
        found = await findings(environment, comfyui_urls=(bare.url,))
    (upscale,) = [f for subject, f in found.items() if subject.startswith("workflow upscale on")]
    assert "Missing nodes: UpscaleModelLoader" in upscale.sentence
    (painting,) = [
        f for subject, f in found.items() if subject.startswith("workflow txt2img-sd on")
    ]
    assert "Missing model" in painting.sentence


async def test_a_model_that_the_service_would_take_is_not_called_missing(environment):
    (environment.data / "backends.toml").write_text("default_models = ['only_one.safetensors']")
    models = {"checkpoints": ("only_one.safetensors",)}
    async with type(environment.comfyui)(step_seconds=0, load_seconds=0, models=models) as small:
        found = await findings(environment, comfyui_urls=(small.url,))
    levels = {subject.partition(" on ")[0]: finding.level for subject, finding in found.items()}
    assert levels["workflow txt2img-sd"] is Level.FINE
    assert levels["workflow upscale"] is Level.NOTE


async def test_a_paid_workflow_without_a_key_is_named(environment):
    environment.comfyui.installation.classes["EmptyImage"]["api_node"] = True
    shelf = ManagedFolder(environment.data / "workflows")
    graph = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
        },
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    shelf.folder.mkdir()
    (shelf.folder / "paid.json").write_text(json.dumps(graph))
    shelf.switch_on("paid")
    backend = f'[[backend]]\nname = "gpu"\nurl = "{environment.comfyui.url}"\n'
    for key, level in (("", Level.NOTE), ('api_key_comfy_org = "k"', Level.FINE)):
        (environment.data / "backends.toml").write_text(backend + key)
        found = (await findings(environment, comfyui_urls=()))["workflow paid on gpu"]
        assert found.level is level
        assert ("set api_key_comfy_org" in found.sentence) is (level is Level.NOTE)


@pytest.fixture
async def guarded(environment, make_certificate):
    """The stand-in behind TLS of an own authority, a base path and a bearer token."""
    ca_file, context = make_certificate()

    def describe(**entry):
        lines = [f"{name} = {value!r}" for name, value in entry.items()]
        toml = "\n".join(["[[backend]]", f"url = {proxy.url!r}", "name = 'big'", *lines])
        (environment.data / "backends.toml").write_text(toml)

    async with ReverseProxy(
        environment.comfyui.url,
        base_path="/comfy",
        guard=lambda request: request.headers.get("Authorization") == "Bearer s3cret",
        tls=context,
    ) as proxy:
        yield describe, str(ca_file)


async def test_a_guarded_backend_is_reached_by_what_backends_toml_says(environment, guarded):
    describe, ca_file = guarded
    describe(bearer_token="s3cret", ca_file=ca_file)
    found = await findings(environment, comfyui_urls=())
    assert found["backend big"].level is Level.FINE
    assert found["backend big"].sentence.startswith("ComfyUI 0.33.0, cpu with ")
    assert found["workflow txt2img-sd on big"].level is Level.FINE


async def test_refused_credentials_and_failing_tls_are_told_in_words(environment, guarded):
    describe, ca_file = guarded
    describe(bearer_token="wr0ng", ca_file=ca_file)
    found = await findings(environment, comfyui_urls=(environment.comfyui.url,))
    assert found["backend big"].level is Level.NOTE
    assert "does not accept our credentials. Set its bearer_token" in found["backend big"].sentence
    describe(bearer_token="s3cret")
    found = await findings(environment, comfyui_urls=(environment.comfyui.url,))
    assert "an authority that is not trusted; name its ca_file" in found["backend big"].sentence
    assert "wr0ng" not in str(found)
    assert "s3cret" not in str(found)


async def test_a_workflow_whose_tags_a_backend_lacks(environment):
    folder = environment.data / "workflows" / "upscale"
    folder.mkdir(parents=True)
    shipped = LIBRARY / "upscale"
    (folder / "graph.json").write_bytes((shipped / "graph.json").read_bytes())
    toml = (shipped / "workflow.toml").read_text()
    (folder / "workflow.toml").write_text('tags = ["big"]\n' + toml)
    found = await findings(environment)
    (upscale,) = [f for subject, f in found.items() if subject.startswith("workflow upscale on")]
    assert upscale.level is Level.NOTE
    assert "lacks the tags big" in upscale.sentence


class Checker:
    """Finds nothing, or raises what is wrong with it."""

    def __init__(self, error=None):
        self.error = error

    def check(self, picture):
        if self.error is not None:
            raise self.error
        return Detections()


async def test_the_image_check_is_tried(environment, monkeypatch):
    checker = Checker()
    monkeypatch.setattr("bot.cli.check.find_checker", lambda: checker)
    assert "NudeNet works" in (await findings(environment))["image check"].sentence
    checker.error = OSError("no model")
    found = (await findings(environment))["image check"]
    assert found.level is Level.NOTE
    assert "does not work (OSError): reinstall" in found.sentence


async def test_an_image_check_that_is_missing_matters_where_servers_want_it(
    environment, monkeypatch, caplog
):
    monkeypatch.setattr("bot.cli.check.find_checker", lambda: None)
    found = (await findings(environment))["image check"]
    assert found.level is Level.FINE
    assert "needs limner[nsfw]" in found.sentence
    async with environment.bot(checker=Checker()):
        reply = await environment.mo.slash("general", "mod image-check", mode="hold")
        await reply.until(lambda message: "Nudity is held" in as_text(message))
    found = (await findings(environment))["image check"]
    assert found.level is Level.NOTE
    assert "Servers that use it: 1" in found.sentence
    caplog.clear()
    async with environment.bot():
        assert "Servers that want their pictures checked: 1" in caplog.text
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=2)
        held = await reply.until(lambda message: "moderator approval" in as_text(message), 60)
        assert not files_of(held)
