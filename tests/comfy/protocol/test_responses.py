import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.errors import NodeFailed, OutOfMemory, RunFailed, RunInterrupted
from comfy.protocol.failures import clean_sentence, parse_node_errors, parse_rejection
from comfy.protocol.outputs import choose_results, media_kind, parse_outputs
from comfy.protocol.responses import (
    QueueState,
    parse_description,
    parse_jobs,
    parse_load,
    parse_queue,
    parse_record,
    parse_uploaded_name,
)

DATA = Path(__file__).parents[2] / "data" / "comfyui"
VERSIONS = ["0.33.0", "0.3.64"]


def load(version, scenario, path=""):
    lines = (DATA / version / "answers.jsonl").read_text().splitlines()
    recorded = [json.loads(line) for line in lines]
    return [one for one in recorded if one["scenario"] == scenario and path in one["path"]]


def records(version, scenario):
    for one in load(version, scenario, "/history/"):
        yield parse_record(one["path"].rsplit("/", 1)[1], one["answer"])


def rejections(version):
    return [
        parse_rejection(one["answer"])
        for one in load(version, "validation_errors")
        if one["status"] == 400
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_record_of_a_success(version):
    record = next(records(version, "txt2img_success"))

    assert record.failure is None
    assert [output.filename.split("_")[0] for output in record.outputs] == ["txt2img"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_record_of_a_cached_run(version):
    first, second = records(version, "cached_file_gone")

    assert first.cached == frozenset()
    assert second.cached == {"1", "9"}
    assert first.outputs == second.outputs


@pytest.mark.parametrize("version", VERSIONS)
def test_the_record_of_a_failure(version):
    failures = [record.failure for record in records(version, "runtime_errors") if record]

    assert all(isinstance(failure, NodeFailed) for failure in failures if failure)
    assert any(isinstance(failure, OutOfMemory) for failure in failures)
    corrupt = failures[0]
    assert (corrupt.node_id, corrupt.class_type) == ("10", "LoadImage")
    assert corrupt.exception_message == "Truncated File Read"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_record_of_an_interrupted_run(version):
    assert isinstance(next(records(version, "interrupt")).failure, RunInterrupted)


def test_a_record_without_an_explanation():
    record = parse_record("p", {"p": {"status": {"status_str": "error", "messages": None}}})

    assert type(record.failure) is RunFailed


def test_no_record():
    assert parse_record("p", {}) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unknown_class_is_named(version):
    rejection = next(one for one in rejections(version) if "KSamplerXYZ" in str(one))

    problem = rejection.problems[0]
    assert (problem.kind, problem.class_type, problem.node_id) == (
        "missing_node_type",
        "KSamplerXYZ",
        "3",
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_value_that_is_not_listed(version):
    problems = [problem for one in rejections(version) for problem in one.problems]
    problem = next(one for one in problems if one.input_name == "ckpt_name")

    assert problem.kind == "value_not_in_list"
    assert problem.received == "missing.safetensors"
    assert problem.allowed == ("tiny_sd3.safetensors",)
    assert problem.class_type == "CheckpointLoaderSimple"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_rejection_has_a_sentence_and_no_folder_of_the_server(version):
    for rejection in rejections(version):
        assert str(rejection)
        assert "/opt" not in repr(rejection.problems) + str(rejection)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plain_text_answer_is_no_rejection(version):
    answers = [one for one in load(version, "validation_errors") if one["status"] == 500]

    assert answers
    assert all(parse_rejection(one["answer"]) is None for one in answers)


@pytest.mark.parametrize("version", VERSIONS)
def test_problems_of_a_graph_accepted_in_part(version):
    accepted = [one for one in load(version, "validation_errors") if one["status"] == 200]

    (problem,) = parse_node_errors(accepted[0]["answer"]["node_errors"])
    assert (problem.node_id, problem.class_type) == ("10", "PreviewImage")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_queue(version):
    states = [parse_queue(one["answer"]) for one in load(version, "queue_delete_clear", "/queue")]

    assert QueueState.RUNNING in states[0].values()
    assert QueueState.WAITING in states[0].values()
    assert parse_queue({"error": "no"}) is None


def test_the_jobs_api():
    answers = load("0.33.0", "jobs", "/api/jobs")
    lists = [parse_jobs(one["answer"]) for one in answers]

    assert {QueueState.WAITING, QueueState.RUNNING} <= {
        state for states in lists if states for state in states.values()
    }
    assert parse_jobs({"error": "Job not found"}) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_the_description(version):
    (recorded, *_) = load(version, "info_endpoints", "/system_stats")
    description = parse_description(recorded["answer"])

    assert description.version == version
    assert description.devices[0].memory_total > description.devices[0].memory_free > 0
    assert parse_description({"status": "ok"}) is None
    assert parse_load({"exec_info": {"queue_remaining": 3}}) == 3


def test_the_name_of_an_upload():
    assert parse_uploaded_name({"name": "a (1).png", "subfolder": "x"}) == "x/a (1).png"
    assert parse_uploaded_name({"name": "a.png", "subfolder": ""}) == "a.png"
    assert parse_uploaded_name(["a.png"]) is None


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("Truncated File Read\n", "Truncated File Read"),
        ("\n\n  second line\nthird", "second line"),
        ("No such file: '/srv/my models/a b.safetensors'", "No such file: 'a b.safetensors'"),
        ("cannot open /opt/comfyui/models/x.pt.", "cannot open x.pt."),
        (r"cannot open C:\comfy\models\x.pt now", "cannot open x.pt now"),
        ("ratio 1/2 of a/b", "ratio 1/2 of a/b"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("see https://ana:hush@example.org/a?key=hush", "see https://example.org/a…"),
        ("refused: http://ana:hush@10.0.0.7:8188/x?token=hush", "refused: …"),
        (
            "pool(host='192.168.1.7', port=80) url: /v1?api_key=hush",
            "pool(host='…', port=80) url: /v1?api_key=…",
        ),
        ("{'Authorization': 'Bearer hush-hush'}", "{'Authorization': 'Bearer …'}"),
        ("key sk-proj-0123456789abcdef is invalid", "key … is invalid"),
        ("token indices are too long", "token indices are too long"),
        ("KeyError: 'clip_vision_output'", "KeyError: 'clip_vision_output'"),
        ("a\tb\x00c \x1b[31mred\ud800", "a bc [31mred"),
        ("", ""),
    ],
)
def test_sentences_lose_the_servers_folders_and_secrets(said, clean):
    assert clean_sentence(said) == clean


def test_names_are_on_one_line_and_not_endless():
    """They are in the log, where a line of their own would look like the program's."""
    name = "x\n2026 ERROR y" + "z" * 10_000
    entry = {"class_type": name, "errors": [{"type": name, "extra_info": {"input_name": name}}]}
    (problem,) = parse_node_errors({name: entry})
    for said in (problem.node_id, problem.class_type, problem.kind, problem.input_name):
        assert said.startswith("x2026 ERROR y")
        assert len(said) <= 300


def test_a_sentence_is_not_endless():
    assert len(clean_sentence("x" * 10_000)) == 300


@pytest.mark.parametrize(
    ("filename", "kind"),
    [("A.PNG", "image"), ("a.webm", "video"), ("a.flac", "audio"), ("m.glb", "3d"), ("x", "other")],
)
def test_the_kind_is_told_by_extension(filename, kind):
    assert media_kind(filename) == kind


def test_results_are_sorted_as_in_the_graph():
    saved = [
        parse_outputs(node, {"images": [{"filename": f"{node}.png", "type": "output"}]})[0]
        for node in ("12", "9")
    ]

    assert [one.node_id for one in choose_results(saved, {"9": {}, "12": {}})] == ["9", "12"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["p", "status", "messages", "outputs", "error", "node_errors", "errors", "jobs",
                 "queue_running", "queue_pending", "type", "message", "details", "extra_info",
                 "system", "devices", "name", "exec_info", "input_config", "execution_error"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_no_answer_can_raise(answer):
    parse_record("p", answer)
    parse_record("p", {"p": answer})
    parse_rejection(answer)
    parse_rejection({"error": answer, "node_errors": answer})
    parse_node_errors({"3": answer})
    parse_queue(answer)
    parse_jobs(answer)
    parse_description(answer)
    parse_load(answer)
    parse_uploaded_name(answer)
    parse_outputs("9", answer)
