"""Every file that leaves is marked, whatever its type is and whatever was done to it."""

import io
import json
from dataclasses import replace

import c2pa
import pytest
from PIL import Image, PngImagePlugin

from bot.replies.packing import pack, pack_originals
from generation.marking.credentials import open_credentials
from generation.marking.marker import Marker
from generation.media.media_types import guess_media_type
from generation.request import Layout
from tests.support.films import build_film, build_sound
from tests.support.pictures import build_noise, build_picture

LIMIT = 10 * 1024 * 1024
SECRETS = (b"a fox in the snow", b"ana", b"txt2img", b"gpu")

FILES = {
    "png": build_picture,
    "jpg": lambda: build_picture(file_format="JPEG"),
    "webp": lambda: build_picture(file_format="WEBP"),
    "gif": lambda: build_picture(file_format="GIF"),
    "avif": lambda: build_picture(file_format="AVIF"),
    "mp4": lambda: build_film(1, has_sound=True),
    "mov": lambda: build_film(1, file_format="mov"),
    "mp3": build_sound,
    "flac": lambda: build_sound("flac", "flac"),
    "wav": lambda: build_sound("wav", "pcm_s16le"),
    "m4a": lambda: build_sound("mp4", "aac"),
}
UNSIGNED = {
    "webm": lambda: build_film(1, file_format="webm", codec="libvpx-vp9"),
    "mkv": lambda: build_film(1, file_format="matroska"),
    "opus": lambda: build_sound("ogg", "libopus"),
    "glb": lambda: b"glTF" + bytes(60),
}


@pytest.fixture(scope="module")
def marker(tmp_path_factory):
    return Marker(open_credentials("on", tmp_path_factory.mktemp("key")))


def check_statement(file, kind="trainedAlgorithmicMedia"):
    """Validate a file's statement with the library's own reader."""
    reader = c2pa.Reader(guess_media_type(file.filename), io.BytesIO(file.content))
    report = json.loads(reader.json())
    assert reader.get_validation_state() == "Valid"
    assert {one["code"] for one in report["validation_status"]} == {"signingCredential.untrusted"}
    statement = json.dumps(report["manifests"][report["active_manifest"]])
    assert f"/{kind}" in statement
    assert not [secret for secret in SECRETS if secret in statement.encode()]


@pytest.mark.parametrize("extension", FILES)
@pytest.mark.parametrize("keeps_metadata", [True, False])
async def test_a_result_is_marked_as_posted_and_as_original(
    tools, marker, extension, keeps_metadata
):
    asked = replace(tools.generation(), keeps_metadata=keeps_metadata)
    generation, contents = tools.result(
        asked,
        FILES[extension](),
        extension=extension,
        media_type=guess_media_type(f"x.{extension}"),
    )
    for parcel in (
        await pack(generation, contents, LIMIT, marker=marker),
        await pack_originals(generation, contents, LIMIT, marker=marker),
    ):
        ((file,),) = parcel.messages
        check_statement(file)
    edited = await pack(replace(generation, edited=True), contents, LIMIT, marker=marker)
    check_statement(edited.messages[0][0], "compositeWithTrainedAlgorithmicMedia")


@pytest.mark.parametrize("extension", UNSIGNED)
async def test_what_cannot_be_signed_is_posted_as_it_is(tools, marker, extension):
    content = UNSIGNED[extension]()
    generation, contents = tools.result(tools.generation(), content, extension=extension)
    for parcel in (
        await pack(generation, contents, LIMIT, marker=marker),
        await pack_originals(generation, contents, LIMIT, marker=marker),
    ):
        ((file,),) = parcel.messages
        assert file.content == content


async def test_what_was_made_to_fit_is_marked(tools, marker):
    film = {"extension": "mp4", "media_type": "video/mp4"}
    for content, limit, facts in (
        (build_noise(512), 60_000, {}),
        (build_film(), 120_000, film),
        (build_film(), 12_000, film),  # only a still of it
    ):
        generation, contents = tools.result(tools.generation(), content, **facts)
        parcel = await pack(generation, contents, limit, marker=marker)
        ((file,),) = parcel.messages
        assert parcel.notes
        assert len(file.content) <= limit
        check_statement(file)


async def test_a_grid_is_marked(tools, marker):
    asked = replace(tools.generation(), layout=Layout.GRID)
    generation, contents = tools.result(asked, build_noise(64), build_noise(64))
    ((file,),) = (await pack(generation, contents, LIMIT, marker=marker)).messages
    assert "grid" in file.filename
    check_statement(file)


async def test_a_statement_of_somebody_else_is_replaced(tools, marker, tmp_path):
    told = PngImagePlugin.PngInfo()
    told.add_text("prompt", "a fox in the snow")
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(picture, "PNG", pnginfo=told)
    other = Marker(open_credentials("on", tmp_path))
    generation, contents = tools.result(
        replace(tools.generation(), edited=True), picture.getvalue()
    )
    ((signed,),) = (await pack(generation, contents, LIMIT, marker=other)).messages
    for keeps_metadata in (True, False):
        asked = replace(tools.generation(), keeps_metadata=keeps_metadata)
        generation, contents = tools.result(asked, signed.content)
        ((file,),) = (await pack(generation, contents, LIMIT, marker=marker)).messages
        check_statement(file)
        assert (b"a fox" in file.content) is keeps_metadata
