"""Every shipped workflow runs on the stand-in, and what has models there on a real ComfyUI."""

import io
import os
import uuid
from contextlib import aclosing

import pytest
from PIL import Image, ImageChops, ImageDraw

from comfy.backend import Backend
from comfy.kinds import BackendSettings, build_backend
from comfy.protocol.events import OutputFile, StepDone, Succeeded
from sandbox.comfyui import ComfyUIStandIn
from tests.workflows.test_library import KINDS, picture_names
from workflows.binding import bind, check
from workflows.manifest import Kind
from workflows.workflow import Workflow

SIDE = 256
MEGAPIXELS = SIDE * SIDE / 1024 / 1024
QUICK = {"steps": 4, "size": f"{SIDE}x{SIDE}", "megapixels": MEGAPIXELS, "count": 2}
MAGIC = {Kind.AUDIO: b"ID3", Kind.THREE_D: b"glTF"} | dict.fromkeys(
    (Kind.TXT2VID, Kind.IMG2VID), b"\0\0\0"
)
"""How the files of these kinds begin; all others are PNG pictures."""

# A real one may be busy with other people's graphs, for minutes.
REAL = pytest.param("real", marks=[pytest.mark.real_comfyui, pytest.mark.timeout(900)])


@pytest.fixture(params=["0.33.0", "0.3.64", REAL])
async def backend(request):
    if request.param == "real":
        url = os.environ.get("LIMNER_TEST_COMFYUI_URL")
        if not url:
            pytest.skip("LIMNER_TEST_COMFYUI_URL is not set")
        opened = build_backend(BackendSettings(url))
        await opened.open()
        yield opened
        await opened.close()
        return
    version = request.param
    async with ComfyUIStandIn(
        version=version, step_seconds=0, load_seconds=0, largest_drawing=256
    ) as stand_in:
        opened = build_backend(BackendSettings(stand_in.url))
        await opened.open()
        yield opened
        await opened.close()


@pytest.fixture
def photo():
    picture = Image.radial_gradient("L").resize((SIDE, SIDE))
    return Image.merge("RGB", (picture, ImageChops.invert(picture), picture.rotate(90)))


@pytest.fixture
def mask():
    picture = Image.new("L", (SIDE, SIDE), "black")
    ImageDraw.Draw(picture).rectangle((96, 96, 159, 159), fill="white")
    return picture


async def choose_models(backend: Backend, workflow: Workflow) -> dict[str, str]:
    """The first file that the backend has for every input that needs one."""
    object_info = await backend.fetch_object_info()
    chosen = {}
    for name, slot in workflow.model_slots.items():
        choices = object_info.choices(*slot)
        if not choices:
            pytest.skip(f"this backend has no file for {name}")
        if name != "lora":
            chosen[name] = choices[0]
    return chosen


async def upload(backend: Backend, picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return await backend.upload_image(file.getvalue(), extension="png")


async def generate(backend, workflow, given, pictures=None):
    """Bind, run, and fetch the pictures; also the sampler's steps that were told."""
    names = {name: await upload(backend, picture) for name, picture in (pictures or {}).items()}
    fitting = {name: value for name, value in given.items() if name in workflow.manifest.options}
    checked = check(workflow.manifest, fitting, attached=names)
    models = await choose_models(backend, workflow)
    outputs, steps = await run(backend, workflow, {**checked, **models, **names})
    contents = [await backend.fetch_output(one, max_bytes=50_000_000) for one in outputs]
    return [Image.open(io.BytesIO(content)).convert("RGB") for content in contents], steps


async def run(backend, workflow, values):
    """Bind and run; returns the outputs and the sampler's steps."""
    drawn = {"seed": uuid.uuid4().int % 2**53} if workflow.manifest.find("seed") else {}
    graph = bind(workflow, {**drawn, **values})
    steps = []
    async with aclosing(backend.run(graph, previews=False)) as events:
        async for event in events:
            if isinstance(event, StepDone):
                steps.append(event)
            if isinstance(event, Succeeded):
                return event.outputs, steps
    raise AssertionError("the run ended without an end")


@pytest.fixture
async def recent():
    async with ComfyUIStandIn(
        version="0.33.0", step_seconds=0, load_seconds=0, largest_drawing=64
    ) as stand_in:
        opened = build_backend(BackendSettings(stand_in.url))
        await opened.open()
        yield opened
        await opened.close()


@pytest.mark.parametrize("name", sorted(KINDS))
async def test_it_runs_on_the_stand_in_with_its_own_models(recent, library, photo, name):
    workflow = library[name]
    pictures = picture_names(workflow.manifest)
    given = {"prompt": "a fox", "find": "the ring", **QUICK, "count": 1}
    fitting = {key: value for key, value in given.items() if key in workflow.manifest.options}
    checked = check(workflow.manifest, fitting, attached=pictures)
    files = dict.fromkeys(pictures, await upload(recent, photo))
    (output,), _ = await run(recent, workflow, {**checked, **files})
    if not isinstance(output, OutputFile):
        assert "soft light" in output.text
        return
    content = await recent.fetch_output(output, max_bytes=50_000_000)
    assert content.startswith(MAGIC.get(KINDS[name], b"\x89PNG"))


@pytest.mark.parametrize("name", ["txt2img-sd", "txt2img-sd3"])
async def test_a_prompt_becomes_pictures(backend, library, name):
    pictures, steps = await generate(backend, library[name], {"prompt": "a fox", **QUICK})
    assert [picture.size for picture in pictures] == [(SIDE, SIDE)] * 2
    assert ImageChops.difference(*pictures).getbbox()
    assert steps[-1].value == steps[-1].maximum == 4


async def test_a_flux_model_draws_on_the_stand_in(backend, library, request):
    if "real" in request.node.name:
        pytest.skip("the tiny models have none for Flux")
    workflow = library["txt2img-flux"]
    pictures, _ = await generate(backend, workflow, {"prompt": "a fox", **QUICK})
    assert [picture.size for picture in pictures] == [(SIDE, SIDE)] * 2


async def test_a_lora_changes_the_picture(backend, library):
    workflow = library["txt2img-sd3"]
    object_info = await backend.fetch_object_info()
    loras = object_info.choices("LoraLoader", "lora_name")
    given = {"prompt": "a fox", **QUICK, "count": 1, "seed": 7}
    (with_lora,), _ = await generate(backend, workflow, {**given, "lora": loras[0]})
    (without,), _ = await generate(backend, workflow, given)
    assert ImageChops.difference(with_lora, without).getbbox()


async def test_a_picture_is_painted_anew(backend, library, photo):
    given = {"prompt": "a fox", **QUICK, "strength": 0.4}
    pictures, _ = await generate(backend, library["img2img-sd"], given, {"image": photo})
    assert [picture.size for picture in pictures] == [(SIDE, SIDE)] * 2
    for picture in pictures:
        assert ImageChops.difference(picture, photo).getbbox()


async def test_only_what_the_mask_marks_is_painted_anew(backend, library, photo, mask):
    given = {"prompt": "a fox", **QUICK}
    pictures, _ = await generate(
        backend, library["inpaint-sd"], given, {"image": photo, "mask": mask}
    )
    assert len(pictures) == 2
    for picture in pictures:
        changed = ImageChops.difference(picture, photo).convert("L").point(lambda v: 255 * (v > 2))
        left, top, right, bottom = changed.getbbox()
        assert 80 <= left < 112
        assert 80 <= top < 112
        assert 144 < right <= 176
        assert 144 < bottom <= 176


async def test_a_picture_is_enlarged(backend, library, photo):
    (picture,), _ = await generate(backend, library["upscale"], {}, {"image": photo})
    assert picture.width == picture.height >= 2 * SIDE
