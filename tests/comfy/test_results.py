"""Results of every kind, from both versions of the stand-in and from a real ComfyUI."""

import io
import random
import struct
import uuid

import pytest
from PIL import Image

from comfy.errors import GraphRejected
from comfy.protocol.events import MediaKind, OutputBytes, OutputFile, OutputText
from comfy.protocol.object_info import ObjectInfo


def pictures(count=3, side=64):
    """Pictures of a colour that no earlier run had."""
    color = random.getrandbits(24)
    inputs = {"width": side, "height": side, "batch_size": count, "color": color}
    return {"class_type": "EmptyImage", "inputs": inputs}


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def sound():
    return node(
        "EmptyAudio", duration=0.2 + random.getrandbits(20) / 2**24, sample_rate=44100, channels=2
    )


def text(content):
    return node("PrimitiveStringMultiline", value=content)


ANIMATION = {"images": ["1", 0], "filename_prefix": "limner_test/moving", "fps": 12.0}

GRAPHS = {
    "image": lambda: {
        "1": pictures(1),
        "9": node("SaveImage", images=["1", 0], filename_prefix="limner_test/still"),
    },
    "batch": lambda: {
        "1": pictures(3),
        "9": node("SaveImage", images=["1", 0], filename_prefix="limner_test/still"),
    },
    "animated webp": lambda: {
        "1": pictures(),
        "9": node("SaveAnimatedWEBP", **ANIMATION, lossless=False, quality=80, method="default"),
    },
    "animated png": lambda: {
        "1": pictures(),
        "9": node("SaveAnimatedPNG", **ANIMATION, compress_level=4),
    },
    "webm": lambda: {
        "1": pictures(),
        "9": node("SaveWEBM", **ANIMATION, codec="vp9", crf=32.0),
    },
    "mp4": lambda: {
        "1": pictures(),
        "8": node("CreateVideo", images=["1", 0], fps=12.0),
        "9": node(
            "SaveVideo",
            video=["8", 0],
            filename_prefix="limner_test/film",
            format="mp4",
            codec="h264",
            **{"format.codec": "h264"},
        ),
    },
    "flac": lambda: {
        "1": sound(),
        "9": node("SaveAudio", audio=["1", 0], filename_prefix="limner_test/sound"),
    },
    "mp3": lambda: {
        "1": sound(),
        "9": node(
            "SaveAudioMP3", audio=["1", 0], filename_prefix="limner_test/sound", quality="128k"
        ),
    },
}
FILES = {
    "image": (1, MediaKind.IMAGE, ".png", b"\x89PNG"),
    "batch": (3, MediaKind.IMAGE, ".png", b"\x89PNG"),
    "animated webp": (1, MediaKind.IMAGE, ".webp", b"RIFF"),
    "animated png": (1, MediaKind.IMAGE, ".png", b"\x89PNG"),
    "webm": (1, MediaKind.VIDEO, ".webm", b"\x1aE\xdf\xa3"),
    "mp4": (1, MediaKind.VIDEO, ".mp4", b"\0\0\0"),
    "flac": (1, MediaKind.AUDIO, ".flac", b"fLaC"),
    "mp3": (1, MediaKind.AUDIO, ".mp3", b""),
}


async def run(backend, follow, graph):
    events = await follow(backend, str(uuid.uuid4()), graph, is_new=True)
    return events[-1].outputs


async def fetch(backend, output):
    return await backend.fetch_output(output, max_bytes=10_000_000)


@pytest.mark.parametrize("kind", GRAPHS)
async def test_saved_files(each_backend, follow, kind):
    count, media_kind, suffix, magic = FILES[kind]
    outputs = await run(each_backend, follow, GRAPHS[kind]())

    assert [type(output) for output in outputs] == [OutputFile] * count
    for output in outputs:
        assert (output.kind, output.folder_type) == (media_kind, "output")
        assert output.subfolder == "limner_test" or kind == "image"
        assert output.filename.endswith(suffix)
        assert (await fetch(each_backend, output)).startswith(magic)


@pytest.mark.parametrize("kind", ["animated webp", "animated png"])
async def test_animated_pictures_move(each_backend, follow, kind):
    graph = {
        "2": pictures(),
        "3": pictures(),
        "1": node("ImageBatch", image1=["2", 0], image2=["3", 0]),
        "9": GRAPHS[kind]()["9"],
    }
    (output,) = await run(each_backend, follow, graph)

    with Image.open(io.BytesIO(await fetch(each_backend, output))) as picture:
        assert picture.n_frames >= 2


async def test_text_is_told_and_no_file(each_backend, follow):
    sentence = f"a line\nand another {random.getrandbits(40)}"
    graph = {"1": text(sentence), "9": node("PreviewAny", source=["1", 0])}

    assert await run(each_backend, follow, graph) == (OutputText("9", sentence),)


async def test_text_files(each_backend, follow):
    sentence = f"a note {random.getrandbits(40)}"
    graph = {
        "1": text(sentence),
        "9": node("SaveText", text=["1", 0], filename_prefix="limner_test/note", format="md"),
    }
    if not (await each_backend.fetch_object_info()).has("SaveText"):
        with pytest.raises(GraphRejected, match="SaveText"):
            await run(each_backend, follow, graph)
        return
    outputs = await run(each_backend, follow, graph)

    assert OutputText("9", sentence) in outputs
    (file,) = [output for output in outputs if isinstance(output, OutputFile)]
    assert (file.kind, file.filename.endswith(".md")) == (MediaKind.OTHER, True)
    assert (await fetch(each_backend, file)).decode().strip() == sentence


async def test_preview_only_outputs_are_results(each_backend, follow):
    graph = {"1": pictures(2), "9": node("PreviewImage", images=["1", 0])}
    outputs = await run(each_backend, follow, graph)

    assert [output.folder_type for output in outputs] == ["temp", "temp"]
    assert (await fetch(each_backend, outputs[1])).startswith(b"\x89PNG")


async def test_previews_beside_saved_files_are_no_results(each_backend, follow):
    graph = {
        "1": pictures(1),
        "8": node("PreviewImage", images=["1", 0]),
        "9": node("SaveImage", images=["1", 0], filename_prefix="limner_test/still"),
    }
    outputs = await run(each_backend, follow, graph)

    assert [(output.node_id, output.folder_type) for output in outputs] == [("9", "output")]


async def test_audio_that_is_only_previewed(each_backend, follow):
    graph = {"1": sound(), "9": node("PreviewAudio", audio=["1", 0])}
    (output,) = await run(each_backend, follow, graph)

    assert (output.kind, output.folder_type) == (MediaKind.AUDIO, "temp")


async def test_save_image_websocket(each_backend, follow):
    graph = {"1": pictures(2), "9": node("SaveImageWebsocket", images=["1", 0])}
    outputs = await run(each_backend, follow, graph)

    assert [type(output) for output in outputs] == [OutputBytes, OutputBytes]
    assert struct.unpack(">II", outputs[0].content[16:24]) == (64, 64)


@pytest.mark.parametrize("prefix", ["limner_test/ä ö+&=#%41'\"", "limner_test/a/b c/日本語", "x.y"])
async def test_odd_file_names_and_subfolders(each_backend, follow, prefix):
    graph = {"1": pictures(1), "9": node("SaveImage", images=["1", 0], filename_prefix=prefix)}
    (output,) = await run(each_backend, follow, graph)

    folder, _, name = prefix.rpartition("/")
    assert output.subfolder == folder
    assert output.filename.startswith(name)
    assert (await fetch(each_backend, output)).startswith(b"\x89PNG")


async def test_3d_files(each_backend, follow):
    object_info = await each_backend.fetch_object_info()
    vae = find_voxel_vae(object_info)
    if vae is None:
        pytest.skip("this server has no model that makes 3D")
    graph = {
        "1": node("EmptyLatentHunyuan3Dv2", resolution=64 + random.getrandbits(12), batch_size=1),
        "2": node("VAELoader", vae_name=vae),
        "3": node(
            "VAEDecodeHunyuan3D",
            samples=["1", 0],
            vae=["2", 0],
            num_chunks=8000,
            octree_resolution=16,
        ),
        "4": node("VoxelToMesh", voxel=["3", 0], algorithm="basic", threshold=0.6),
        "9": node("SaveGLB", mesh=["4", 0], filename_prefix="limner_test/cube"),
    }
    (output,) = await run(each_backend, follow, graph)

    assert (output.kind, output.filename.endswith(".glb")) == (MediaKind.MODEL_3D, True)
    content = await fetch(each_backend, output)
    assert struct.unpack_from("<4sII", content) == (b"glTF", 2, len(content))


def find_voxel_vae(object_info: ObjectInfo):
    """The stand-in takes any; a real server's own one is known by its name."""
    choices = object_info.choices("VAELoader", "vae_name") or ()
    return next((name for name in choices if "hunyuan3d" in name.lower()), None)
