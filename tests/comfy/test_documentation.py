"""The page about the client: its example runs as it stands there, and it names what there is."""

import inspect
import json
import re
from pathlib import Path

import pytest

from comfy import errors
from comfy.protocol import events
from comfy.server import ComfyServer

PAGE = (Path(__file__).parents[2] / "docs" / "comfy.md").read_text(encoding="utf-8")
TESTS = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py"))


def load_example():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    exec(compile(code, "docs/comfy.md", "exec"), names)  # noqa: S102 - our own page
    return names["draw"]


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


GRAPH = {
    "1": node("LoadImage", image="photo.png"),
    "4": node("CheckpointLoaderSimple", ckpt_name="tiny_sd3.safetensors"),
    "5": node("VAEEncode", pixels=["1", 0], vae=["4", 2]),
    "6": node("CLIPTextEncode", text="a house", clip=["4", 1]),
    "3": node(
        "KSampler",
        seed=1,
        steps=4,
        cfg=4.0,
        sampler_name="euler",
        scheduler="normal",
        denoise=1.0,
        model=["4", 0],
        positive=["6", 0],
        negative=["6", 0],
        latent_image=["5", 0],
    ),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", images=["8", 0], filename_prefix="limner_test_example"),
}


async def test_the_example_runs_as_it_stands_in_the_page(place, tmp_path, png, capsys):
    (tmp_path / "graph.json").write_text(json.dumps(GRAPH))
    (tmp_path / "mine.png").write_bytes(png)
    draw = load_example()
    await draw(place.url, tmp_path / "graph.json", tmp_path / "mine.png", "a red fox", 7)

    (result,) = tmp_path.glob("limner_test_example*.png")
    assert result.read_bytes().startswith(b"\x89PNG")
    assert "Step 4 of 4." in capsys.readouterr().out
    assert b"a red fox" in result.read_bytes(), "ComfyUI writes the graph into the picture"


VERBS = [name for name, _ in inspect.getmembers(ComfyServer) if name[0] != "_"]
EVENTS = [one.__name__ for one in (*events.RunEvent.__args__, *events.Output.__args__)]
ERRORS = [
    name
    for name, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, errors.ComfyError)
]


@pytest.mark.parametrize("name", [*VERBS, *EVENTS, *ERRORS])
def test_every_verb_event_and_error_is_in_the_page(name):
    assert f"`{name}`" in PAGE


def test_every_test_that_the_page_names_exists():
    names = re.findall(r"`(test_\w+)`", PAGE)
    assert len(names) > 30
    assert [name for name in names if f"def {name}(" not in TESTS] == []
