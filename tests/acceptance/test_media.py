"""Films, sounds, texts and shapes as results."""

import json

import pytest

from sandbox.people import as_text, files_of
from tests.support.messages import is_answered, labels_of

PATIENCE_S = 60

PICTURES = {
    "class_type": "EmptyImage",
    "inputs": {"width": 64, "height": 64, "batch_size": 3, "color": 255},
}
ANIMATION = {"images": ["1", 0], "filename_prefix": "moving", "fps": 12.0}
SOUND = {
    "class_type": "EmptyAudio",
    "inputs": {"duration": 0.2, "sample_rate": 44100, "channels": 2},
}

WORKFLOWS = {
    "film": {
        "1": PICTURES,
        "9": {"class_type": "SaveWEBM", "inputs": {**ANIMATION, "codec": "vp9", "crf": 32.0}},
    },
    "moving": {
        "1": PICTURES,
        "9": {
            "class_type": "SaveAnimatedWEBP",
            "inputs": {**ANIMATION, "lossless": False, "quality": 80, "method": "default"},
        },
    },
    "sound": {
        "1": SOUND,
        "9": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "s"}},
    },
}


@pytest.fixture
def studio(environment):
    """The environment with a workflow for each kind of result."""
    for name, graph in WORKFLOWS.items():
        folder = environment.data / "workflows" / name
        folder.mkdir(parents=True)
        (folder / "graph.json").write_text(json.dumps(graph))
        (folder / "workflow.toml").write_text(f'title = "{name}"\n')
    return environment


async def make(person, workflow):
    reply = await person.slash("general", "imagine", prompt="anything", workflow=workflow)
    return await reply.until(
        lambda message: (
            (files_of(message) or "Too large" in as_text(message))
            and "Cancel" not in as_text(message)
        ),
        PATIENCE_S,
    )


async def test_each_kind_is_posted_as_what_it_is(studio):
    async with studio.bot() as core:
        for workflow, extension in (("film", "webm"), ("sound", "flac"), ("moving", "webp")):
            done = await make(studio.ana, workflow)
            (attachment,) = files_of(done)
            assert attachment["filename"].endswith(f"-1.{extension}")
            # A film cannot be enlarged, and none of these has a prompt or a seed.
            expected = ["Upscale", "Vary"] if workflow == "moving" else []
            assert [one for one in labels_of(done) if one in expected] == expected
            assert "Remix" not in labels_of(done)
            assert "⋯" in labels_of(done)
        reply = await studio.ana.slash("general", "history")
        page = await reply.until(is_answered, PATIENCE_S)
        assert "Your history" in as_text(page)
        assert core.service.workflows()


async def test_what_is_too_large_says_so_and_what_to_do(studio):
    studio.world.attachment_size_limit = 500
    # A mark alone is larger.
    async with studio.bot(credentials="off"):
        done = await make(studio.ana, "film")
        # At most a still of it.
        assert all("-still." in one["filename"] for one in files_of(done))
        text = as_text(done)
        assert "Too large for Discord" in text
        assert "smaller or shorter" in text
        assert "⋯" in labels_of(done)
