"""A workflow that calls a paid service: off until somebody turns it on, with a cost and a role."""

import json

import pytest

from sandbox.people import Person, as_text

PATIENCE_S = 60
KEY = "comfyui-0123456789abcdef"
GRAPH = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
    },
    "2": {"class_type": "GetImageSize", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
}


@pytest.fixture
def ada(environment):
    classes = environment.comfyui.installation.classes
    classes["GetImageSize"] = {**classes["GetImageSize"], "api_node": True}
    return Person(environment.world, "ada")


async def ask(person, command, **options):
    """What somebody reads as the answer to a command, and the message."""
    reply = await person.slash("general", command, **options)
    message = await reply.until(lambda message: not reply.is_thinking, PATIENCE_S)
    return as_text(message).replace("\\", ""), message


async def test_a_paid_workflow_is_off_until_it_is_enabled_with_a_cost(
    environment, ada, tmp_path, caplog
):
    file = tmp_path / "Paid Size.json"
    file.write_text(json.dumps(GRAPH))
    environment.data.mkdir(exist_ok=True)
    described = f'[[backend]]\nname = "gpu"\nurl = "{environment.comfyui.url}"\n'
    (environment.data / "backends.toml").write_text(f'{described}api_key_comfy_org = "{KEY}"\n')
    async with environment.bot(comfyui_urls=()) as core:
        told, report = await ask(ada, "limner workflows add", file=file)
        assert "Paid: it calls a service that costs money" in told
        await ada.click(report, "Enable")
        assert "paid_size" not in core.catalog.workflows
        told, _ = await ask(ada, "limner workflows enable", workflow="paid_size")
        assert "calls a paid service" in told
        await ask(ada, "limner workflows enable", workflow="paid_size", cost=7)
        manifest = core.catalog.workflows["paid_size"].manifest
        assert manifest.cost == 7
        reply = await environment.ana.slash("general", "imagine", prompt="x", workflow="paid_size")
        await reply.until(lambda message: "64" in as_text(message), PATIENCE_S)
        assert environment.comfyui.log.posts[-1].extra_data["api_key_comfy_org"] == KEY
        await ask(ada, "limner workflows disable", workflow="paid_size")
        assert "paid_size" not in core.catalog.workflows
    for path in environment.data.rglob("*"):
        if path.is_file() and path.name != "backends.toml":
            assert KEY.encode() not in path.read_bytes()
    assert KEY not in caplog.text


async def test_a_paid_file_in_the_folder_waits_for_an_administrator(environment, ada):
    (environment.data / "workflows").mkdir(parents=True)
    (environment.data / "workflows" / "paid.json").write_text(json.dumps(GRAPH))
    async with environment.bot() as core:
        assert "paid" in core.catalog.disabled
        await ask(ada, "limner workflows enable", workflow="paid")
        assert "paid" in core.catalog.workflows
    async with environment.bot() as core:
        assert "paid" in core.catalog.workflows
