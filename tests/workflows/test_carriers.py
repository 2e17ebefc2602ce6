"""Files that carry a workflow, made by ComfyUI, by the libraries it writes with, and by hand."""

import contextlib
import json
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workflows.carriers import Container, read
from workflows.carriers.cursor import Cursor
from workflows.carriers.limits import MAX_PACKED_TEXTS, MAX_PARTS, MAX_TEXT_BYTES
from workflows.errors import InvalidGraph, NothingCarried

MEDIA = Path(__file__).parents[1] / "data" / "media"
GRAPH = {"3": {"class_type": "KSampler", "inputs": {"seed": 1, "n": "ü😀"}}}
EXPORT = {"nodes": [{"id": 3, "type": "KSampler"}], "links": [], "version": 0.4}


def load(name):
    return read((MEDIA / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "container", "class_type"),
    [
        ("comfyui.mp4", Container.ISO, "SaveVideo"),
        ("comfyui.webm", Container.MATROSKA, "SaveWEBM"),
        ("comfyui.webp", Container.WEBP, "SaveAnimatedWEBP"),
        ("comfyui.mp3", Container.MP3, "SaveAudioMP3"),
        ("comfyui.flac", Container.FLAC, "SaveAudio"),
    ],
)
def test_what_comfyui_saves_carries_the_graph_that_ran(name, container, class_type):
    carried = load(name)
    assert carried.container is container
    assert carried.export is None
    assert class_type in {node["class_type"] for node in carried.graph.values()}


@pytest.mark.parametrize(
    "name",
    [
        "animated.png",
        "both.jpg",
        "both.mkv",
        "both.mov",
        "both.opus",
        "comment.mp4",
        "live.webm",
        "packed.png",
        "user-comment.jpg",
    ],
)
def test_a_file_that_carries_both_prefers_the_graph_that_ran(name):
    carried = load(name)
    assert carried.graph == GRAPH
    assert carried.export == EXPORT
    assert any("graph that ran is used" in one for one in carried.remarks)


def test_a_stripped_picture_says_what_to_do():
    with pytest.raises(NothingCarried, match="use the file that ComfyUI itself saved"):
        load("none.jpg")


@pytest.mark.parametrize(
    "wrapped",
    [
        GRAPH,
        {"prompt": GRAPH},
        {"prompt": json.dumps(GRAPH)},
        {"output": GRAPH, "workflow": EXPORT},
        {"prompt": GRAPH, "client_id": "x", "extra_data": {"extra_pnginfo": {"workflow": EXPORT}}},
    ],
)
def test_json_may_wrap_the_graph(wrapped):
    carried = read(json.dumps(wrapped).encode())
    assert carried.graph == GRAPH
    assert carried.container is Container.JSON


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_in_any_encoding_of_an_editor(encoding):
    text = json.dumps(EXPORT, ensure_ascii=False)
    carried = read(text.encode(encoding))
    assert (carried.graph, carried.export) == (None, EXPORT)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_become_empty(number):
    text = f'{{"3": {{"class_type": "X", "inputs": {{"value": {number}}}}}}}'
    carried = read(text.encode())
    assert carried.graph["3"]["inputs"] == {"value": None}
    assert "not finite" in carried.remarks[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "This file is empty."),
        (b"\n ", "This file is empty."),
        (b"{", "not valid JSON: .* at line 1, column 2"),
        (b"hello", "not valid JSON"),
        (b"[1]", "must hold a JSON object"),
        (b'{"3": {}}', 'Node "3" has no class_type'),
        (b"[" * 100_000, "nesting is too large"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "a number or the nesting is too large"),
        (b"\xe9t\xe9 a long text", "nor UTF-8 text"),
        (b"GIF89a\x01\x00\x01\x00", "cannot carry a workflow"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avif", "cannot carry a workflow"),
        (b"MZ\x90\x00\x03\x00\x00\x00", "cannot carry a workflow"),
    ],
)
def test_a_mistake_is_one_plain_sentence(content, sentence):
    with pytest.raises(InvalidGraph, match=sentence):
        read(content)


def test_a_text_that_is_too_large_is_refused():
    with pytest.raises(InvalidGraph, match="larger than 16 MiB"):
        read(b" " * (MAX_TEXT_BYTES + 1))


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_broken_graph_gives_way_to_the_export():
    broken = {"3": {"class_type": "X", "inputs": {"a": ["9", 0]}}}
    carried = read(
        png(
            chunk(b"tEXt", b"prompt\0" + json.dumps(broken).encode()),
            chunk(b"tEXt", b"workflow\0" + json.dumps(EXPORT).encode()),
        )
    )
    assert (carried.graph, carried.export) == (None, EXPORT)
    assert 'node "9", which does not exist' in carried.remarks[0]


def test_a_broken_graph_alone_is_told():
    broken = json.dumps({"3": {"class_type": "X", "inputs": {"a": ["9", 0]}}}).encode()
    with pytest.raises(InvalidGraph, match="does not exist"):
        read(png(chunk(b"tEXt", b"prompt\0" + broken)))


def test_what_stands_before_the_damage_is_found():
    content = png(chunk(b"tEXt", b"prompt\0" + json.dumps(GRAPH).encode()), chunk(b"IDAT", b"1234"))
    assert read(content[:-6]).graph == GRAPH


def test_other_texts_of_a_picture_are_left_alone():
    content = png(
        chunk(b"tEXt", b"parameters\0a house, {red|blue}"),
        chunk(b"tEXt", b"Comment\0{not JSON"),
        chunk(b"iTXt", b"prompt\0\0\0\0\0" + json.dumps(GRAPH).encode()),
    )
    carried = read(content)
    assert carried.graph == GRAPH
    assert carried.origin == 'PNG picture, text "prompt"'


def test_a_text_that_unpacks_to_far_too_much_is_passed_over():
    bomb = zlib.compress(b"[" * (MAX_TEXT_BYTES * 2))
    content = png(
        *[chunk(b"zTXt", b"a\0\0" + bomb)] * 8,
        chunk(b"tEXt", b"prompt\0" + json.dumps(GRAPH).encode()),
    )
    assert read(content).graph == GRAPH


def count_reads(monkeypatch):
    """How often a cursor is asked: what reading a file costs, on any machine."""
    asked = []
    for name in ("take", "window"):
        real = getattr(Cursor, name)

        def counted(cursor, length, *, real=real):
            asked.append(length)
            return real(cursor, length)

        monkeypatch.setattr(Cursor, name, counted)
    return asked


def box(kind, content=b""):
    return struct.pack(">I", 8 + len(content)) + kind + content


def element(kind, content=b""):
    return kind + (1 << 56 | len(content)).to_bytes(8, "big") + content


MANY = 90_000
EXIF_TABLE = struct.pack(">2sHIH", b"MM", 42, 8, 256) + bytes(12) * 256


def build_tiny_boxes():
    boxes = box(b"moov", box(b"udta", box(b"free") * MANY) * 4)
    return box(b"ftyp", b"mp42" * 3) + boxes


def build_tiny_elements():
    elements = element(b"\x12\x54\xc3\x67", b"\xec\x80" * MANY) * 4
    return b"\x1a\x45\xdf\xa3\x80" + element(b"\x18\x53\x80\x67", elements)


def build_exif_again_and_again():
    return png(*[chunk(b"eXIf", EXIF_TABLE)] * 2_000)


def build_exif_again_and_again_in_a_jpeg():
    segment = struct.pack(">H", len(EXIF_TABLE) + 8) + b"Exif\0\0" + EXIF_TABLE
    return b"\xff\xd8\xff\xe0\0\x02" + (b"\xff\xe1" + segment) * 2_000


@pytest.mark.parametrize(
    "build",
    [
        build_tiny_boxes,
        build_tiny_elements,
        build_exif_again_and_again,
        build_exif_again_and_again_in_a_jpeg,
    ],
)
def test_a_file_of_very_many_parts_is_given_up(monkeypatch, build):
    content = build()
    asked = count_reads(monkeypatch)
    with pytest.raises(NothingCarried):
        read(content)
    assert len(asked) < 6 * MAX_PARTS


def test_values_that_lie_over_each_other_are_read_up_to_one_texts_length(monkeypatch):
    overlapping = (
        struct.pack(">2sHIH", b"MM", 42, 8, 256)
        + struct.pack(">HHII", 0x010F, 2, MAX_TEXT_BYTES // 4, 4_000) * 256
        + bytes(MAX_TEXT_BYTES // 2)
    )
    asked = count_reads(monkeypatch)
    with pytest.raises(NothingCarried):
        read(png(chunk(b"eXIf", overlapping)))
    # The chunk's window, and what its values have together.
    assert sum(asked) < 4 * MAX_TEXT_BYTES


@pytest.mark.parametrize("start", [(b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0")])
def test_of_packed_texts_only_the_first_few_are_unpacked(monkeypatch, start):
    kind, head = start
    unpacked = []
    real = zlib.decompressobj

    def counted():
        unpacked.append(None)
        return real()

    monkeypatch.setattr(zlib, "decompressobj", counted)
    with pytest.raises(NothingCarried):
        read(png(*[chunk(kind, head + zlib.compress(b"x"))] * 100))
    assert len(unpacked) == MAX_PACKED_TEXTS


def test_half_a_character_is_replaced():
    """JSON can say it, and no file, database or message takes it."""
    raw = {"\ud800": {"class_type": "A\udfff", "inputs": {"b": ["\ud83d", 0, "🦊"]}}}
    assert read(json.dumps(raw).encode()).graph == {
        "\ufffd": {"class_type": "A\ufffd", "inputs": {"b": ["\ufffd", 0, "🦊"]}}
    }


def test_a_latent_carries_the_graph_that_made_it():
    header = json.dumps({"__metadata__": {"prompt": json.dumps(GRAPH)}}).encode()
    assert read(struct.pack("<Q", len(header)) + header).graph == GRAPH


FILES = [path.read_bytes() for path in sorted(MEDIA.iterdir())]


@settings(max_examples=300)
@given(st.data())
def test_damaged_files_never_raise_anything_else(data):
    content = bytearray(data.draw(st.sampled_from(FILES)))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(content)))
    try_to_read(bytes(content[:end]))


@settings(max_examples=200)
@given(
    st.sampled_from(
        [
            b"",
            b"{",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"RIFF\0\0\0\0WEBP",
            b"\0\0\0\x08ftyp",
            b"\x1a\x45\xdf\xa3",
            b"fLaC",
            b"OggS",
            b"ID3\x04",
            b"\x10\0\0\0\0\0\0\0{",
        ]
    ),
    st.binary(max_size=400),
)
@example(b"RIFF\0\0\0\0WEBP", b"EXIF\x0c\0\0\0II*\0\x08\0\0\0\xff\xff\0\0")
def test_noise_never_raises_anything_else(head, noise):
    try_to_read(head + noise)


def try_to_read(content):
    with contextlib.suppress(InvalidGraph):
        carried = read(content)
        assert carried.graph is not None or carried.export is not None
