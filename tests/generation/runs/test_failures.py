from dataclasses import replace

import pytest

from comfy import errors
from generation.errors import FailureKind
from generation.runs.failures import explain, unforeseen_failure

GRAPH = {"3": {"class_type": "KSampler", "inputs": {}, "_meta": {"title": "Paint"}}}


def all_errors(kind=errors.ComfyError):
    yield kind
    for one in kind.__subclasses__():
        yield from all_errors(one)


def build(kind):
    node = {
        "node_id": "3",
        "class_type": "KSampler",
        "exception_type": "ValueError",
        "exception_message": "boom",
    }
    if issubclass(kind, errors.NodeFailed):
        return kind(**node)
    return kind("no", status=500) if kind is errors.BackendRefused else kind("no")


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
def test_every_error_of_a_backend_has_a_plain_sentence(kind):
    failure = explain(build(kind), GRAPH)
    assert failure.sentence.endswith((".", "!"))
    assert failure.sentence[0].isupper()


def test_what_nobody_foresaw_is_found_in_the_log_by_its_reference():
    failure = unforeseen_failure("k7fq")
    assert failure.kind is FailureKind.WORKFLOW_ERROR
    assert failure.sentence.endswith("Reference: k7fq.")


def test_a_failed_node_is_named_by_title_and_class():
    failure = explain(build(errors.NodeFailed), GRAPH)
    assert failure.sentence == "Paint (KSampler) failed: boom."


def test_a_refused_input_is_named():
    problem = errors.NodeProblem("3", "KSampler", "value_bigger_than_max", "Too big", "steps", "9")
    failure = explain(errors.GraphRejected("no", [problem]), GRAPH)
    assert failure.kind is FailureKind.WORKFLOW_ERROR
    assert failure.sentence.endswith("at Paint (KSampler) → steps: Too big.")
    whole = replace(problem, input_name=None)
    failure = explain(errors.GraphRejected("no", [whole, problem]), GRAPH)
    assert failure.sentence.endswith("at Paint (KSampler): Too big.")


@pytest.mark.parametrize(
    ("graph", "name"),
    [
        ({}, "KSampler"),
        ({"3": {"class_type": "KSampler", "_meta": None}}, "KSampler"),
        ({"3": {"class_type": "KSampler", "_meta": {"title": "KSampler"}}}, "KSampler"),
        (GRAPH, "Paint (KSampler)"),
    ],
)
def test_a_node_is_named_once(graph, name):
    assert explain(build(errors.NodeFailed), graph).facts["node"] == name


def test_a_sampler_that_is_not_in_the_list_is_no_missing_model():
    problem = errors.NodeProblem(
        "3", "KSampler", "value_not_in_list", "Not in list", "sampler_name", "odd", ("euler",)
    )
    failure = explain(errors.GraphRejected("no", [problem]), GRAPH)
    assert failure.kind is FailureKind.WORKFLOW_ERROR


@pytest.mark.parametrize(
    ("input_name", "received", "allowed", "listed"),
    [
        ("ckpt_name", "a", (), None),
        ("lora_name", "a.safetensors", (), None),
        ("lora_name", None, ("b.safetensors", "c.safetensors"), "b.safetensors, c.safetensors"),
        ("lora_name", "a", ("None", "b.safetensors"), "None, b.safetensors"),
    ],
)
def test_a_model_file_that_is_not_in_the_list_is_missing(input_name, received, allowed, listed):
    problem = errors.NodeProblem(
        "3", "Loader", "value_not_in_list", "Not in list", input_name, received, allowed
    )
    failure = explain(errors.GraphRejected("no", [problem]), GRAPH)
    assert failure.kind is FailureKind.MISSING_MODEL
    assert (failure.facts["model"], failure.facts.get("listed")) == (received, listed)


def test_a_number_out_of_bounds_is_no_missing_model():
    problem = errors.NodeProblem("3", "Loader", "other", "Bad", "ckpt_name", "a.safetensors")
    assert explain(errors.GraphRejected("no", [problem]), GRAPH).facts["kind"] == "other"


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("", "Paint (KSampler) failed: no reason given."),
        ("Why?\nline 2", "Paint (KSampler) failed: Why?"),
        ("y" * 300, f"Paint (KSampler) failed: {'y' * 300}."),
        ("y" * 301, f"Paint (KSampler) failed: {'y' * 299}…"),
        ("y" * 5000, f"Paint (KSampler) failed: {'y' * 299}…"),
    ],
)
def test_the_first_line_of_a_nodes_message_is_told(message, sentence):
    error = errors.NodeFailed(
        node_id="3", class_type="KSampler", exception_type="x", exception_message=message
    )
    assert explain(error, GRAPH).sentence == sentence
