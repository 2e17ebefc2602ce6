"""Only what is of its node's kind by its bytes is a result."""

import io

import pytest
from PIL import Image

from comfy.protocol.outputs import media_kind
from generation.errors import UnusableResult
from generation.runs.result_check import require_kind


def picture(file_format="PNG"):
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(content, file_format)
    return content.getvalue()


PAGE = b"<!doctype html><html><form action='/login'></form></html>"
DRAWING = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(40)
MP4 = b"\0\0\0\x0cftypisom\0\0\0\x08moov"
FLAC = b"fLaC\0\0\0\x22" + bytes(40)


@pytest.mark.parametrize(
    ("filename", "content", "class_type"),
    [
        ("a.png", picture(), "SaveImage"),
        ("a.png", picture("WEBP"), "SaveImage"),
        ("a.avif", picture("AVIF"), "SaveImage"),
        ("a.svg", DRAWING, "SaveSVGNode"),
        ("a.mp4", MP4, "SaveVideo"),
        ("a.flac", FLAC, "SaveAudio"),
        ("a.m4a", MP4, "SaveAudio"),
        ("a.glb", b"glTF\x02\0\0\0", "SaveGLB"),
        ("a.obj", b"v 0 0 0\n", "SaveGLB"),
        ("a.splat", b"\xfe\x01" * 16, "SaveSplat"),
        ("a.txt", "größer\n".encode(), "SaveText"),
        ("a.html", PAGE, "SaveReport"),
        ("a.latent", b"\x08\0\0\0\0\0\0\0{}", "SaveLatent"),
    ],
)
def test_what_a_node_makes_is_taken(filename, content, class_type):
    require_kind(content, filename, media_kind(filename), class_type)


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        (name, content)
        for name in ("a.png", "a.mp4", "a.flac", "a.glb", "a.txt", "a.latent")
        for content in (b"", PAGE, PROGRAM)
    ]
    + [
        ("a.svg", DRAWING),
        ("a.png", DRAWING),
        ("a.png", MP4),
        ("a.png", b"The disk is full."),
        ("a.mp4", picture()),
        ("a.flac", picture()),
        ("a.glb", picture()),
        ("a.txt", picture()),
    ],
)
def test_anything_else_is_no_result_and_its_operator_reads_what_it_is(filename, content):
    with pytest.raises(UnusableResult) as unusable:
        require_kind(content, filename, media_kind(filename), "SaveImage")
    assert filename in unusable.value.report
    assert filename not in unusable.value.sentence
