from datetime import UTC, datetime, timedelta

import pytest

from comfy.protocol.events import NodeStarted, NodeText, OutputsReady, Started, StepDone, Succeeded
from generation.runs.progress import MAX_TEXT_CHARACTERS, SAMPLING_SHARE, RunProgress

START = datetime(2026, 1, 1, tzinfo=UTC)


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


SIMPLE = {
    "1": node("CheckpointLoaderSimple", ckpt_name="a"),
    "2": {**node("KSampler", steps=10, denoise=0.5), "_meta": {"title": "Paint"}},
    "3": node("VAEDecode"),
    "4": node("SaveImage"),
}


def folded(graph, *events):
    progress = RunProgress(graph)
    return [progress.fold(event, START + timedelta(seconds=i)) for i, event in enumerate(events)]


def test_sampler_steps_make_most_of_it():
    seen = folded(SIMPLE, Started(frozenset()), NodeStarted("1"), StepDone("2", 5, 10))
    assert seen[-1].fraction == 0.5 * SAMPLING_SHARE + 0.25 * (1 - SAMPLING_SHARE)
    assert (seen[-1].step, seen[-1].steps, seen[-1].activity) == (5, 10, "Paint")


def test_it_never_falls_and_is_whole_only_with_the_results():
    seen = folded(
        SIMPLE,
        NodeStarted("2"),
        StepDone("2", 10, 10),
        StepDone("2", 1, 10),
        NodeStarted("3"),
        NodeStarted("4"),
        OutputsReady(()),
        Succeeded((), fully_cached=False),
    )
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert 0.9 < fractions[-2] < 1.0
    assert fractions[-1] == 1.0


def test_cached_nodes_count_as_done():
    seen = folded(SIMPLE, Started(frozenset({"1", "2"})))
    assert seen[-1].fraction == SAMPLING_SHARE + 0.5 * (1 - SAMPLING_SHARE)
    assert folded(SIMPLE, Started(frozenset(SIMPLE)))[-1].fraction == 0.99


def test_two_samplers_are_weighed_by_their_steps():
    graph = {
        "1": node("KSamplerAdvanced", steps=40, start_at_step=10, end_at_step=100),
        "2": node("SamplerCustomAdvanced", sigmas=["3", 0]),
        "3": node("BasicScheduler", steps=10, denoise=1.0),
    }
    seen = folded(graph, NodeStarted("1"), StepDone("1", 30, 30))
    assert abs(seen[-1].fraction - 0.75 * SAMPLING_SHARE) < 1e-9


def test_the_steps_of_sigmas_are_looked_for_eight_links_away_and_no_further():
    def steps_known(links):
        between = {str(n): node("SplitSigmas", sigmas=[str(n + 1), 0]) for n in range(2, links + 1)}
        graph = {
            "1": node("SamplerCustomAdvanced", sigmas=["2", 0]),
            **between,
            str(links + 1): node("BasicScheduler", steps=10),
        }
        (seen,) = folded(graph, StepDone("1", 5, 10))
        return seen.fraction == 0.5 * SAMPLING_SHARE

    assert steps_known(8)
    assert not steps_known(9)


def test_sigmas_in_a_circle_have_no_steps():
    graph = {
        "1": node("SamplerCustomAdvanced", sigmas=["2", 0]),
        "2": node("SplitSigmas", sigmas=["3", 0]),
        "3": node("FlipSigmas", sigmas=["2", 0]),
    }
    assert folded(graph, NodeStarted("1"))[-1].fraction == 0.0


def test_a_graph_without_sampler_counts_nodes_and_tiles():
    graph = {"1": node("LoadImage"), "2": node("ImageUpscaleWithModel")}
    seen = folded(graph, NodeStarted("1"), NodeStarted("2"), StepDone("2", 1, 2))
    assert [progress.fraction for progress in seen] == [0.0, 0.5, 0.75]


def test_the_end_is_estimated_from_measured_steps():
    seen = folded(SIMPLE, NodeStarted("2"), StepDone("2", 1, 10), StepDone("2", 2, 10))
    assert seen[1].done_at is None
    assert seen[2].done_at == START + timedelta(seconds=2 + 8)


def test_the_pace_is_measured_anew_when_the_clock_was_put_back():
    progress = RunProgress(SIMPLE)
    progress.fold(StepDone("2", 1, 10), START + timedelta(days=2))
    assert progress.fold(StepDone("2", 2, 10), START).done_at is None
    seen = progress.fold(StepDone("2", 3, 10), START + timedelta(seconds=1))
    assert seen.done_at == START + timedelta(seconds=1 + 7)


@pytest.mark.parametrize(
    ("graph", "node_id", "is_sampling"),
    [(SIMPLE, "2", True), (SIMPLE, "3", False), ({"1": node("Upscale")}, "1", True)],
)
def test_steps_are_sampling_where_they_are_a_samplers_or_there_is_none(graph, node_id, is_sampling):
    progress = RunProgress(graph)
    progress.fold(NodeStarted(node_id), START)
    assert not progress.is_sampling
    progress.fold(StepDone(node_id, 1, 4), START)
    assert progress.is_sampling is is_sampling


def test_what_a_node_says_is_cut_and_ends_with_the_node():
    said, after = folded(SIMPLE, NodeStarted("2"), NodeText("2", "so  " * 200), NodeStarted("3"))[
        1:
    ]
    assert said.activity.startswith("so so ")
    assert len(said.activity) == MAX_TEXT_CHARACTERS == 200
    assert "so" not in after.activity


def test_an_unknown_node_does_no_harm():
    seen = folded(SIMPLE, NodeStarted("99"), StepDone("99", 1, 3), StepDone("99", 1, 0))
    assert seen[-1].fraction == 0.0


def test_a_denoise_of_nothing_samples_nothing():
    graph = {"1": node("KSampler", steps=20, denoise=0), "2": node("KSampler", steps=20)}
    seen = folded(graph, NodeStarted("2"), StepDone("2", 20, 20))
    assert seen[-1].fraction == SAMPLING_SHARE


def test_a_node_without_a_text_is_named_by_its_title():
    (seen,) = folded(SIMPLE, NodeStarted("3"))
    assert seen.activity == "VAEDecode"


@pytest.mark.parametrize(
    ("inputs", "steps"),
    [
        ({}, 20),
        ({"start_at_step": 5}, 15),
        ({"end_at_step": 15}, 15),
        ({"start_at_step": 5, "end_at_step": 12}, 7),
        ({"start_at_step": 0, "end_at_step": 10_000}, 20),
        ({"start_at_step": 25}, 0),
        ({"start_at_step": ["9", 0], "end_at_step": ["9", 0]}, 20),
    ],
)
def test_the_steps_that_a_sampler_will_run_are_read_from_its_inputs(inputs, steps):
    graph = {"1": node("KSamplerAdvanced", steps=20, **inputs), "2": node("KSampler", steps=10)}
    (seen,) = folded(graph, StepDone("2", 10, 10))
    assert seen.fraction == pytest.approx(SAMPLING_SHARE * 10 / (10 + steps))


SAMPLED = SAMPLING_SHARE + 0.25 * (1 - SAMPLING_SHARE)


@pytest.mark.parametrize(
    ("graph", "events", "fraction"),
    [
        (SIMPLE, [StepDone("2", 1, 1)], SAMPLING_SHARE),
        (SIMPLE, [StepDone("2", 12, 10)], SAMPLING_SHARE),
        # Steps of an unknown number say nothing, and what was read from the graph still holds.
        (SIMPLE, [StepDone("2", 1, 0), NodeStarted("3")], SAMPLED),
        (SIMPLE, [StepDone("1", 1, 0)], 0.0),
        ({"1": node("Upscale"), "2": node("SaveImage")}, [StepDone("1", 1, 1)], 0.5),
        ({"1": node("Upscale"), "2": node("SaveImage")}, [StepDone("1", 5, 4)], 0.5),
        ({"1": node("Upscale")}, [StepDone("1", 1, 4)], 0.25),
        ({"1": {"class_type": "KSampler"}}, [StepDone("1", 1, 4)], 0.25),
        ({}, [NodeStarted("1")], 0.0),
    ],
)
def test_the_fraction(graph, events, fraction):
    assert folded(graph, *events)[-1].fraction == pytest.approx(fraction)


@pytest.mark.parametrize(
    ("steps", "left_s"),
    [
        # (value, second of its arrival); the remaining of 10 steps take as long as those measured.
        ([(4, 0)], None),
        ([(4, 0), (6, 4)], 8),
        ([(4, 0), (4, 2), (6, 4)], 8),
        ([(4, 0), (5, 0), (6, 4)], 8),
        ([(8, 0), (9, 1), (1, 2)], None),
        ([(8, 0), (9, 1), (1, 2), (2, 5)], 24),
    ],
)
def test_the_pace_is_that_of_the_steps_since_the_count_last_fell(steps, left_s):
    progress = RunProgress(SIMPLE)
    for value, second in steps:
        seen = progress.fold(StepDone("2", value, 10), START + timedelta(seconds=second))
    end = None if left_s is None else START + timedelta(seconds=steps[-1][1] + left_s)
    assert seen.done_at == end
    assert progress.fold(NodeStarted("3"), START + timedelta(hours=1)).done_at == end


def test_only_the_node_that_runs_is_heard():
    seen = folded(
        SIMPLE, NodeText("1", "early"), NodeStarted("2"), NodeText("1", "late"), NodeText("2", "on")
    )
    assert [one.activity for one in seen] == ["early", "Paint", "Paint", "on"]
