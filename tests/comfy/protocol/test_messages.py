import base64
import json
import struct
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.protocol.events import MediaKind, OutputFile, OutputText
from comfy.protocol.messages import (
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    FeatureFlags,
    Message,
    NodeExecuted,
    NodeExecuting,
    PreviewFrame,
    ProgressState,
    QueueStatus,
    StepProgress,
    TextFrame,
    UnknownMessage,
    parse_frame,
)

DATA = Path(__file__).parents[2] / "data" / "comfyui"
VERSIONS = ["0.33.0", "0.3.64"]
JPEG = b"\xff\xd8\xff\xe0"
PNG = b"\x89PNG\r\n\x1a\n"

KINDS = [
    "status", "feature_flags", "execution_start", "execution_cached", "executing", "progress",
    "progress_state", "executed", "execution_success", "execution_error", "execution_interrupted",
]  # fmt: skip


def load(version, scenario):
    """Yield parsed frames of a recorded scenario."""
    path = DATA / version / "frames.jsonl"
    for line in path.read_text().splitlines():
        recorded = json.loads(line)
        if recorded["scenario"] != scenario:
            continue
        if "text" in recorded:
            yield parse_frame(recorded["text"])
        elif "base64" in recorded:
            yield parse_frame(base64.b64decode(recorded["base64"]))
        else:
            yield parse_frame(rebuild(recorded))


def rebuild(recorded):
    """Large pictures were recorded by their beginning only."""
    if recorded["metadata"] is None:
        return bytes.fromhex(recorded["hex_head"])
    head = json.dumps(recorded["metadata"]).encode()
    return struct.pack(">II", 4, len(head)) + head + JPEG


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_with_previews(version):
    messages = list(load(version, "txt2img_preview_metadata"))

    counts = Counter(type(message) for message in messages)
    assert counts[UnknownMessage] == 0
    assert counts[StepProgress] == counts[PreviewFrame] == 4
    assert counts[FeatureFlags] == counts[ExecutionStart] == counts[ExecutionCached] == 1
    assert isinstance(messages[0], QueueStatus)
    assert messages[0].client_id
    preview = next(message for message in messages if isinstance(message, PreviewFrame))
    start = next(message for message in messages if isinstance(message, ExecutionStart))
    assert (preview.prompt_id, preview.node_id) == (start.prompt_id, "3")
    step = next(message for message in messages if isinstance(message, StepProgress))
    assert step == StepProgress(start.prompt_id, "3", 1, 4)
    assert [type(message) for message in messages[-3:]] == [
        ExecutionSuccess,
        QueueStatus,
        NodeExecuting,
    ]
    assert messages[-1] == NodeExecuting(start.prompt_id, None, None)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cached_run_names_the_old_file(version):
    executed = [m for m in load(version, "cached_file_gone") if isinstance(m, NodeExecuted)]

    assert len({message.prompt_id for message in executed}) == 3
    assert len({message.outputs for message in executed}) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_errors_name_node_and_class(version):
    errors = [m for m in load(version, "runtime_errors") if isinstance(m, ExecutionError)]

    assert errors[0].class_type == "LoadImage"
    assert errors[0].exception_type == "OSError"
    assert errors[0].exception_message == "Truncated File Read\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_interrupted(version):
    assert {type(message) for message in load(version, "interrupt")} == {ExecutionInterrupted}


@pytest.mark.parametrize("version", VERSIONS)
def test_text_frames(version):
    texts = [m for m in load(version, "text_frames") if isinstance(m, TextFrame)]

    assert texts[0] == TextFrame("2", "width: 80, height: 48\n batch size: 3")


@pytest.mark.parametrize("version", VERSIONS)
def test_results_over_the_socket(version):
    pictures = [m for m in load(version, "websocket_output") if isinstance(m, PreviewFrame)]

    assert {picture.media_type for picture in pictures} == {"image/png"}
    assert {bool(picture.prompt_id) for picture in pictures} == {True, False}
    assert all(picture.image.startswith(PNG) for picture in pictures)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_of_output(version):
    outputs = [
        output
        for message in load(version, "other_outputs")
        if isinstance(message, NodeExecuted)
        for output in message.outputs
    ]

    kinds = {output.kind for output in outputs if isinstance(output, OutputFile)}
    assert kinds >= {MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.OTHER}
    assert OutputText("9", "256") in outputs
    videos = [o for o in outputs if isinstance(o, OutputFile) and o.kind is MediaKind.VIDEO]
    assert {"clip_00001_.mp4", "webm_00001_.webm"} <= {video.filename for video in videos}
    assert "video" in {video.subfolder for video in videos}


@pytest.mark.parametrize("version", VERSIONS)
def test_executing_without_prompt_id_after_a_reconnect(version):
    assert list(load(version, "reconnect")) == [NodeExecuting(None, "3", "3")]


def test_a_node_made_by_another_is_shown_as_that_one():
    frame = json.dumps(
        {"type": "executing", "data": {"node": "9.0.1", "display_node": "9", "prompt_id": "p"}}
    )

    assert parse_frame(frame) == NodeExecuting("p", "9.0.1", "9")


def test_progress_state_tells_the_running_nodes():
    nodes = {
        "1": {"state": "finished", "value": 1.0, "max": 1.0},
        "3": {"state": "running", "value": 2.0, "max": 20.0, "display_node_id": "3"},
        "5": {"state": "running", "value": float("nan"), "max": float("inf")},
        "6": "garbage",
    }
    frame = json.dumps({"type": "progress_state", "data": {"prompt_id": "p", "nodes": nodes}})

    assert parse_frame(frame).read() == ProgressState("p", (StepProgress("p", "3", 2, 20),))


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "null",
        "[]",
        "{",
        "1" * 5000,
        "[" * 100_000,
        '{"type": "executed"}',
        '{"type": "executed", "data": null}',
        '{"type": ["executed"], "data": {}}',
        '{"type": "crystools.monitor", "data": {"cpu": 1}}',
        '{"type": "progress", "data": {"value": "x", "max": {}}}',
        b"",
        b"\x00\x00\x01",
        b"\x00\x00\x00\x01",
        b"\x00\x00\x00\x01\x00\x00\x00\x01garbage",
        b"\x00\x00\x00\x04\xff\xff\xff\xff{}",
        b"\x00\x00\x00\x04\x00\x00\x00\x02[]" + JPEG,
        b"\x00\x00\x00\x09whatever",
    ],
)
def test_what_cannot_be_read_is_unknown(frame):
    assert isinstance(parse_frame(frame), UnknownMessage)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
contents = st.dictionaries(
    st.sampled_from(
        ["prompt_id", "node", "display_node", "node_id", "nodes", "output", "value", "max", "sid"]
    ),
    json_values,
)


@given(st.sampled_from(KINDS), contents)
def test_no_text_frame_can_raise(kind, content):
    assert isinstance(parse_frame(json.dumps({"type": kind, "data": content})), Message)


@given(st.sampled_from([0, 1, 2, 3, 4, 5]), st.binary(max_size=80))
def test_no_binary_frame_can_raise(event, body):
    assert isinstance(parse_frame(struct.pack(">I", event) + body), Message)


@given(st.text() | st.binary())
def test_no_frame_at_all_can_raise(frame):
    assert isinstance(parse_frame(frame), Message)


def test_endless_metadata_of_a_preview_is_not_read_and_not_kept():
    head = json.dumps({"prompt_id": "p", "padding": "x" * 2**16}).encode()
    frame = struct.pack(">II", 4, len(head)) + head + JPEG
    assert isinstance(parse_frame(frame), UnknownMessage)
