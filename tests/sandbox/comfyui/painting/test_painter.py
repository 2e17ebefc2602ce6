"""What the stand-in paints depends on everything a request says, and on nothing else."""

import io
import json

import aiohttp
import pytest
from PIL import Image, ImageChops, ImageStat

from sandbox.comfyui.painting import painter
from sandbox.comfyui.painting.painter import Brief

FOX = Brief(
    prompt="a red fox in the snow", seed=42, size=(96, 96), model="dreamshaper_8.safetensors"
)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures, 0 to 255."""
    bands = ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean
    return sum(bands) / len(bands)


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


async def put(client, name: str, picture: Image.Image) -> None:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    form = aiohttp.FormData()
    form.add_field("image", stream.getvalue(), filename=name, content_type="image/png")
    status, _ = await client.call("POST", "/upload/image", data=form)
    assert status == 200


def test_the_same_brief_paints_the_same_picture():
    assert difference(painter.paint(FOX), painter.paint(FOX)) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a red fox in the forest"},
        {"prompt": "night over the sea"},
        {"negative": "trees"},
        {"seed": 43},
        {"model": "sd_xl_base_1.0.safetensors"},
        {"loras": (("ink_wash.safetensors", 1.0),)},
        {"loras": (("gold_leaf.safetensors", 0.5),)},
        {"guidance": 15.0},
        {"steps": 3},
    ],
)
def test_every_part_of_a_brief_shows(change):
    other = Brief(**{**vars(FOX), **change})
    assert difference(painter.paint(FOX), painter.paint(other)) > 0.5


def test_a_loras_strength_shows():
    pictures = [
        painter.paint(Brief(**{**vars(FOX), "loras": (("ink_wash.safetensors", strength),)}))
        for strength in (0.2, 0.6, 1.0)
    ]
    distances = [difference(painter.paint(FOX), picture) for picture in pictures]
    assert distances == sorted(distances)


@pytest.mark.parametrize("size", [(96, 64), (64, 160), (8, 8), (2048, 512)])
def test_the_size_is_the_one_asked_for(size):
    assert painter.paint(Brief(prompt="sea", seed=1, size=size)).size == size


def test_strength_leads_from_the_source_to_the_painting():
    source = painter.paint(Brief(prompt="sunset over the sea", seed=7, size=(96, 96)))
    painted = painter.paint(FOX)
    steps = [painter.paint_over(source, painted, share) for share in (0, 0.3, 0.6, 0.9, 1)]
    away = [difference(source, picture) for picture in steps]
    towards = [difference(painted, picture) for picture in steps]
    assert away == sorted(away)
    assert towards == sorted(towards, reverse=True)
    assert (away[0], towards[-1]) == (0, 0)


def test_a_picture_comes_out_of_noise_step_by_step():
    final, start = painter.paint(FOX), painter.noise(42, FOX.size)
    shares = [step / 8 for step in range(9)]
    previews = [painter.emerging(final, None, start, share, 1.0, side=None) for share in shares]
    distances = [difference(final, preview) for preview in previews]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] == 0


def test_enlarging_keeps_the_picture_and_really_enlarges():
    small = painter.paint(FOX)
    large = painter.enlarge(small, 4)
    assert large.size == (384, 384)
    assert difference(large.resize(small.size, Image.Resampling.BOX), small) < 6


async def test_previews_fit_512_pixels_and_become_the_picture(client, txt2img):
    socket = await client.connect(flags=True)
    graph = txt2img(steps=6)
    graph["5"]["inputs"]["height"] = 128
    answer = await client.post(graph)
    seen = [m for m in await socket.until_over() if "preview" in m]
    sizes = {opened(message["file"]).size for message in seen}
    assert sizes == {(256, 512)}
    about = seen[0]["about"]
    assert (about["node_id"], about["prompt_id"]) == ("3", answer["prompt_id"])
    final = opened(await client.picture(answer["prompt_id"])).resize((256, 512))
    distances = [difference(final, opened(message["file"])) for message in seen]
    assert distances == sorted(distances, reverse=True)


async def test_a_saved_picture_carries_its_graph_and_what_was_sent_along(client, txt2img):
    graph = txt2img()
    extra = {"extra_pnginfo": {"workflow": {"nodes": []}, "limner": {"id": "k7f3q"}}, "other": 1}
    saved = opened(await client.picture(await client.run(graph, extra_data=extra)))
    assert json.loads(saved.text["prompt"]) == graph
    assert json.loads(saved.text["limner"]) == {"id": "k7f3q"}
    assert saved.text.keys() == {"prompt", "workflow", "limner"}


async def test_counters_and_subfolders_follow_the_prefix(comfy, client, txt2img):
    names = []
    for seed in (1, 2):
        graph = txt2img(seed=seed)
        graph["9"]["inputs"]["filename_prefix"] = "people/ana/%width%x%height%"
        found = await client.history(await client.run(graph))
        names += [(i["subfolder"], i["filename"]) for i in found["outputs"]["9"]["images"]]
    assert names == [("people/ana", "64x64_00001_.png"), ("people/ana", "64x64_00002_.png")]
    graph["9"]["inputs"]["filename_prefix"] = "../../evil"
    found = await client.history(await client.run(graph))
    error = found["status"]["messages"][-1]
    assert (error[0], error[1]["node_type"]) == ("execution_error", "SaveImage")


async def test_a_batch_holds_different_pictures(client, txt2img):
    graph = txt2img()
    graph["5"]["inputs"]["batch_size"] = 3
    prompt_id = await client.run(graph)
    pictures = [opened(await client.picture(prompt_id, index=index)) for index in range(3)]
    assert difference(pictures[0], pictures[1]) > 1
    assert difference(pictures[1], pictures[2]) > 1


async def test_inpainting_changes_the_masked_part_only(client, txt2img):
    source = painter.paint(Brief(prompt="sunset over the sea", seed=7, size=(64, 64)))
    mask = Image.new("RGB", (64, 64))
    mask.paste((255, 255, 255), (32, 0, 64, 64))
    await put(client, "source.png", source)
    await put(client, "mask.png", mask)
    graph = txt2img()
    graph["10"] = {"class_type": "LoadImage", "inputs": {"image": "source.png"}}
    graph["11"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}}
    graph["12"] = {"class_type": "LoadImageMask", "inputs": {"image": "mask.png", "channel": "red"}}
    graph["13"] = {
        "class_type": "SetLatentNoiseMask",
        "inputs": {"samples": ["11", 0], "mask": ["12", 0]},
    }
    graph["3"]["inputs"]["latent_image"] = ["13", 0]
    result = opened(await client.picture(await client.run(graph)))
    left, right = (0, 0, 32, 64), (32, 0, 64, 64)
    assert difference(result.crop(left), source.crop(left)) == 0
    assert difference(result.crop(right), source.crop(right)) > 5
