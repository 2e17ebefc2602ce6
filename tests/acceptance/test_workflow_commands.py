"""A file becomes a slash command: dropped into a folder, or handed in by an administrator."""

import json
import shutil

import pytest

from sandbox.people import Person, as_text, files_of
from workflows.folders.catalog import LIBRARY

PATIENCE_S = 60
GRAPH = LIBRARY / "txt2img-sd" / "graph.json"

NODES = [
    ("CheckpointLoaderSimple", [], ["MODEL", "CLIP", "VAE"], ["sd_xl_base_1.0.safetensors"]),
    ("CLIPTextEncode", [("clip", "CLIP", 2)], ["CONDITIONING"], ["a lake"]),
    ("CLIPTextEncode", [("clip", "CLIP", 3)], ["CONDITIONING"], ["blurry"]),
    ("EmptyLatentImage", [], ["LATENT"], [512, 384, 1]),
    (
        "KSampler",
        [
            ("model", "MODEL", 1),
            ("positive", "CONDITIONING", 4),
            ("negative", "CONDITIONING", 5),
            ("latent_image", "LATENT", 6),
        ],
        ["LATENT"],
        [5, "randomize", 3, 6, "euler", "normal", 1],
    ),
    ("VAEDecode", [("samples", "LATENT", 7), ("vae", "VAE", 8)], ["IMAGE"], []),
    ("SaveImage", [("images", "IMAGE", 9)], [], ["lake"]),
]
LINKS = [
    [1, 1, 0, 5, 0, "MODEL"],
    [2, 1, 1, 2, 0, "CLIP"],
    [3, 1, 1, 3, 0, "CLIP"],
    [4, 2, 0, 5, 1, "CONDITIONING"],
    [5, 3, 0, 5, 2, "CONDITIONING"],
    [6, 4, 0, 5, 3, "LATENT"],
    [7, 5, 0, 6, 0, "LATENT"],
    [8, 1, 2, 6, 1, "VAE"],
    [9, 6, 0, 7, 0, "IMAGE"],
]


def saved_by_the_editor():
    nodes = [
        {
            "id": number,
            "type": kind,
            "mode": 0,
            "inputs": [{"name": n, "type": t, "link": link} for n, t, link in inputs],
            "outputs": [
                {
                    "name": output,
                    "type": output,
                    "links": [one[0] for one in LINKS if one[1:3] == [number, at]],
                }
                for at, output in enumerate(outputs)
            ],
            "widgets_values": values,
        }
        for number, (kind, inputs, outputs, values) in enumerate(NODES, start=1)
    ]
    return json.dumps({"nodes": nodes, "links": LINKS, "version": 0.4})


@pytest.fixture
def command(environment):
    """A command as Discord has it, or None."""

    def find(name):
        found = environment.world.commands.everything()
        return next((one for one in found if one["name"] == name), None)

    return find


async def paint(environment, name, **options):
    reply = await environment.ana.slash("general", name, **options)
    return await reply.until(files_of, PATIENCE_S)


async def test_what_the_editor_saved_is_dropped_in_and_paints(environment, command):
    async with environment.bot():
        shelf = environment.data / "workflows"
        shelf.mkdir(parents=True)
        draft = environment.data / "draft.json"
        draft.write_text(saved_by_the_editor())
        draft.rename(shelf / "Still Lake.json")
        await environment.world.wait_for(lambda: command("still_lake"), PATIENCE_S)
        names = [one["name"] for one in command("still_lake")["options"]]
        assert names[0] == "prompt"
        assert {"negative", "aspect", "seed", "steps", "guidance", "model"} <= set(names)
        done = await paint(environment, "still_lake", prompt="a calm lake", steps=2)
        assert "still\\_lake" in as_text(done) or "still_lake" in as_text(done)
        sent = environment.comfyui.log.posts[-1].graph
        assert sent["2"]["inputs"]["text"] == "a calm lake"
        assert sent["3"]["inputs"]["text"] == "blurry"
        assert sent["5"]["inputs"]["steps"] == 2
        assert sent["5"]["inputs"]["seed"] != 5


async def test_commands_are_there_again_at_the_next_start(environment, command):
    async with environment.bot():
        shelf = environment.data / "workflows"
        shelf.mkdir(parents=True)
        (shelf / "lake.json").write_text(saved_by_the_editor())
        await environment.world.wait_for(lambda: command("lake"), PATIENCE_S)
    async with environment.bot() as core:
        assert "lake" in core.catalog.workflows
        assert command("lake")


async def test_a_file_is_handed_in_shown_enabled_and_used(environment, command, tmp_path):
    ada = Person(environment.world, "ada")
    async with environment.bot():
        shutil.copy(GRAPH, tmp_path / "Red Fox.json")
        reply = await ada.slash("general", "limner workflows add", file=tmp_path / "Red Fox.json")
        report = await reply.until(lambda message: message["components"], PATIENCE_S)
        text = as_text(report)
        assert "`prompt` text, required" in text
        assert "can run" in text
        assert command("red_fox") is None
        form = (await ada.click(report, "Try it")).modal
        tried = await ada.fill(form, {"prompt": "a fox"})
        made = await tried.until(files_of, PATIENCE_S)
        assert "only you can see this" in as_text(made)
        assert "Red fox" in as_text(made)
        again = await ada.click(made, "Again")
        assert "only you can see this" in as_text(await again.until(files_of, PATIENCE_S))
        ana = await environment.ana.slash("general", "imagine", prompt="x", workflow="red_fox")
        assert "no workflow of that name" in as_text(ana.message)
        assert command("red_fox") is None
        await ada.click(report, "Enable")
        await environment.world.wait_for(lambda: command("red_fox"), PATIENCE_S)
        await paint(environment, "red_fox", prompt="a fox", steps=2)
        assert (environment.data / "workflows" / "red_fox" / "workflow.toml").exists()
        await ada.slash("general", "limner workflows remove", workflow="red_fox")
        await environment.world.wait_for(lambda: command("red_fox") is None, PATIENCE_S)
