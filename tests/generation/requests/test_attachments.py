"""Videos and sounds are known by their bytes, not by what they are called."""

import struct

import pytest

from generation.errors import FailureKind, RequestRefused
from generation.requests.attachments import (
    MAX_MEDIA_BYTES,
    verify_attachments,
)
from workflows.reading import parse_manifest
from workflows.workflow import Workflow


def box(name, content=b"", size=None):
    return struct.pack(">I4s", 8 + len(content) if size is None else size, name) + content


MP4 = box(b"ftyp", b"isom\0\0\0\0") + box(b"free") + box(b"mdat", b"x" * 9) + box(b"moov", b"y")
LONG_BOX = box(b"ftyp", b"mp42") + struct.pack(">I4sQ", 1, b"mdat", 20) + b"zzzz" + box(b"moov")
MOV = box(b"ftyp", b"qt  ") + box(b"moov")
M4A = box(b"ftyp", b"M4A ") + box(b"moov")
WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + b"\0" * 40
MP3 = b"\xff\xfb\x90\x64" + b"\0" * 40


@pytest.fixture
def film():
    inputs = "".join(
        f'[[input]]\nname = "{name}"\ntype = "{kind}"\ntargets = ["1.{name}"]\n'
        for name, kind in (("clip", "video"), ("song", "audio"), ("start", "image"))
    )
    return Workflow("film", parse_manifest(f'title = "Film"\n{inputs}'), {})


async def test_each_goes_on_as_what_it_is(film, tools):
    files = {"clip": MP4, "song": MP3, "start": tools.PICTURE}
    checked = await verify_attachments(
        film, {name: tools.attached(content) for name, content in files.items()}
    )
    assert {name: one.media_type for name, one in checked.items()} == {
        "clip": "video/mp4",
        "song": "audio/mpeg",
        "start": "image/png",
    }
    assert checked["clip"].content == MP4


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("clip", MP3, "usable video"),
        ("song", MP4, "usable sound"),
        ("song", b"<html>", "usable sound"),
    ],
)
async def test_what_is_something_else_is_refused_by_name(film, tools, name, content, word):
    await assert_is_refused(film, tools, name, content, word)


async def test_what_is_too_large_is_refused_by_name(film, tools):
    await assert_is_refused(film, tools, "clip", MP4 + bytes(MAX_MEDIA_BYTES), "limit 25 MiB")


async def assert_is_refused(film, tools, name, content, word):
    with pytest.raises(RequestRefused) as refused:
        await verify_attachments(film, {name: tools.attached(content)})
    assert refused.value.kind is FailureKind.INVALID_ATTACHMENT
    assert refused.value.facts["option"] == name
    assert word in refused.value.sentence
