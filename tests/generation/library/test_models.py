"""Which model files workflows want, who has them, and that a wrong one does not stand in."""

import pytest

from comfy.protocol.object_info import ObjectInfo
from generation.library.inspection import find_fitness
from generation.library.models import find_wanted_models
from workflows.folders.catalog import LIBRARY, Catalog

SDXL = "sd_xl_base_1.0.safetensors"


def offering(**files):
    """What a backend tells that has these lists, by class and input."""
    return ObjectInfo(
        {
            class_type: {"input": {"required": {name: [choices]}}, "output": []}
            for class_type, (name, choices) in files.items()
        }
    )


@pytest.fixture(scope="module")
def library():
    catalog = Catalog([LIBRARY])
    catalog.load()
    return catalog.workflows


def test_a_file_of_several_workflows_is_listed_once(library):
    workflows = [library["txt2img-sd"], library["img2img-sd"], library["upscale"]]
    infos = {
        "one": offering(CheckpointLoaderSimple=("ckpt_name", [SDXL])),
        "two": offering(CheckpointLoaderSimple=("ckpt_name", [])),
    }
    checkpoint, upscaler = find_wanted_models(workflows, infos)
    assert checkpoint.workflows == ("txt2img-sd", "img2img-sd")
    assert checkpoint.backends == ("one",)
    assert not checkpoint.is_missing
    assert upscaler.backends is None
    assert upscaler.folder == "upscale_models"
    (missing,) = find_wanted_models(workflows[:1], {"two": infos["two"]})
    assert missing.is_missing
    assert missing.source.url.startswith("https://")


def test_the_only_checkpoint_there_is_stands_in_only_where_people_choose(library):
    info = offering(CheckpointLoaderSimple=("ckpt_name", ["other.safetensors"]))
    assert find_fitness(library["txt2img-sd"], "one", info, ()).models == ()
    song = find_fitness(library["audio-ace-step"], "one", info, ())
    assert song.models == ("ace_step_1.5_turbo_aio.safetensors",)
    replaced = find_fitness(library["audio-ace-step"], "one", info, ("other.safetensors",))
    assert replaced.models == ()
