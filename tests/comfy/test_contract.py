"""What every backend must do, asked of the stand-in in both versions and of a real ComfyUI."""

import asyncio
import random
import struct
import uuid
from contextlib import aclosing

import pytest

from comfy.backend import CancelOutcome
from comfy.errors import (
    BackendRefused,
    GraphRejected,
    NodeFailed,
    OutOfMemory,
    RunInterrupted,
    RunLost,
)
from comfy.kinds import BackendSettings
from comfy.protocol.events import (
    NodeStarted,
    OutputBytes,
    OutputsReady,
    Preview,
    Started,
    StepDone,
    Submitted,
    Succeeded,
)
from comfy.server import ComfyServer
from sandbox import scenarios
from sandbox.comfyui import ComfyUIStandIn
from tests.support.comfyui_places import open_place
from tests.support.graphs import build_txt2img

CHECKPOINT = "tiny_sd3.safetensors"
STEPS = 6


def build_graph(steps=STEPS, seed=None, side=64):
    seed = random.getrandbits(40) if seed is None else seed
    return build_txt2img("a red fox", seed, steps, side, CHECKPOINT)


def new_id():
    return str(uuid.uuid4())


@pytest.fixture
async def stand_in(request):
    version = getattr(request, "param", "0.33.0")
    models = {"checkpoints": [CHECKPOINT]}
    stand_in = ComfyUIStandIn(
        version=version, step_seconds=0, load_seconds=0, models=models, largest_drawing=64
    )
    async with stand_in:
        yield stand_in


@pytest.fixture
async def open_backend(quick):
    opened = []

    async def build(url):
        backend = ComfyServer(BackendSettings(url), quick)
        opened.append(backend)
        await backend.open()
        return backend

    yield build
    for backend in opened:
        await backend.close()


REAL = pytest.param("real", marks=pytest.mark.real_comfyui)


@pytest.fixture(params=["0.33.0", "0.3.64", REAL, "comfy-api-proxy"])
async def backend(request):
    """Each backend of the contract: two versions, a real one, and one by the Comfy API v2."""
    async with open_place(request.param) as place:
        yield place.backend


@pytest.fixture
def follow():
    async def collect(backend, prompt_id, graph, **options):
        async with asyncio.timeout(90):
            return [event async for event in backend.run(graph, prompt_id, **options)]

    return collect


async def test_a_picture_from_a_prompt(backend, follow):
    prompt_id = new_id()
    events = await follow(backend, prompt_id, build_graph(), is_new=True)

    assert events[0] == Submitted(prompt_id, was_known=False)
    assert isinstance(events[1], Started)
    steps = [event.value for event in events if isinstance(event, StepDone)]
    # The Comfy API v2 tells at most two steps and previews a second.
    if isinstance(backend, ComfyServer):
        assert steps[-1] == STEPS
        assert NodeStarted("3") in events
    previews = [event for event in events if isinstance(event, Preview)]
    assert previews
    assert {preview.media_type for preview in previews} == {"image/jpeg"}
    assert isinstance(events[-2], OutputsReady)
    (output,) = events[-1].outputs
    content = await backend.fetch_output(output, max_bytes=10_000_000)
    assert struct.unpack(">II", content[16:24]) == (64, 64)
    with pytest.raises(BackendRefused, match="more than 10 bytes"):
        await backend.fetch_output(output, max_bytes=10)


async def test_the_same_graph_again_is_cached(each_backend, follow):
    backend = each_backend
    graph = build_graph()
    ends = [(await follow(backend, new_id(), graph))[-1]]
    # Somebody else's graph in between makes a real server forget ours.
    while len(ends) < 5 and not ends[-1].fully_cached:
        ends.append((await follow(backend, new_id(), graph))[-1])

    assert not ends[0].fully_cached
    assert ends[-1] == Succeeded(ends[-2].outputs, fully_cached=True)


async def test_it_describes_itself(each_backend):
    backend = each_backend
    description = await backend.fetch_description()
    object_info = await backend.fetch_object_info()

    assert description.version
    assert description.devices[0].memory_total
    assert CHECKPOINT in object_info.choices("CheckpointLoaderSimple", "ckpt_name")
    assert object_info.is_output_node("SaveImage")
    assert await backend.fetch_load() >= 0
    assert backend.is_reachable


async def test_a_missing_checkpoint_is_named(backend, follow):
    graph = build_graph()
    graph["4"]["inputs"]["ckpt_name"] = "missing.safetensors"

    with pytest.raises(GraphRejected) as caught:
        await follow(backend, new_id(), graph)
    problem = caught.value.problems[0]
    assert (problem.node_id, problem.input_name) == ("4", "ckpt_name")
    assert problem.received == "missing.safetensors"
    assert CHECKPOINT in problem.allowed


async def test_a_missing_class_is_named(backend, follow):
    graph = build_graph()
    graph["3"]["class_type"] = "KSamplerXYZ"

    with pytest.raises(GraphRejected, match="KSamplerXYZ") as caught:
        await follow(backend, new_id(), graph)
    # comfy-api-proxy passes on the sentence alone.
    if isinstance(backend, ComfyServer):
        problem = caught.value.problems[0]
        assert (problem.kind, problem.class_type) == ("missing_node_type", "KSamplerXYZ")


async def test_an_attached_picture_is_read(backend, follow, png):
    name = await backend.upload_image(png, extension="png")
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "9": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": "limner_test"},
        },
    }
    events = await follow(backend, new_id(), graph)

    content = await backend.fetch_output(events[-1].outputs[0], max_bytes=10_000_000)
    assert struct.unpack(">II", content[16:24]) == (64, 64)


async def test_a_cancelled_run_stops_and_nothing_else(backend, follow):
    mine, waiting, other = new_id(), new_id(), new_id()
    tasks = [
        asyncio.create_task(follow(backend, prompt_id, build_graph(steps)))
        for prompt_id, steps in ((mine, 2000), (waiting, 2000), (other, 2))
    ]
    assert await cancel_when_known(backend, waiting) is CancelOutcome.CANCELLED
    assert await cancel_when_known(backend, mine) is CancelOutcome.CANCELLED
    ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(ends[0], RunInterrupted)
    assert isinstance(ends[1], RunInterrupted)
    assert isinstance(ends[2][-1], Succeeded)
    assert await backend.cancel(other) is CancelOutcome.ALREADY_ENDED
    assert await backend.cancel(new_id()) is CancelOutcome.UNKNOWN


async def cancel_when_known(backend, prompt_id):
    while True:
        outcome = await backend.cancel(prompt_id)
        if outcome is not CancelOutcome.UNKNOWN:
            return outcome
        await asyncio.sleep(0.01)


async def test_leaving_early_leaves_the_run_alone(backend, follow):
    prompt_id, graph = new_id(), build_graph(30)
    async with aclosing(backend.run(graph, prompt_id)) as events:
        assert isinstance(await anext(events), Submitted)

    events = await follow(backend, prompt_id, graph)
    assert events[0] == Submitted(prompt_id, was_known=True)
    assert events[-1].outputs


# The stand-in plays what a real one does only now and then.

BOTH = pytest.mark.parametrize("stand_in", ["0.33.0", "0.3.64"], indirect=True)


@BOTH
@pytest.mark.parametrize(
    "fault",
    [
        scenarios.KillSockets(at_step=2),
        scenarios.SilenceSockets(at_step=2),
        scenarios.SilenceSockets(at_step=2, answers_pings=False),
        scenarios.GarbagePreview(at_step=2),
        scenarios.StrangeFrames(at_step=2),
        scenarios.BigFrame(at_step=2),
        scenarios.AnswerAfterRun(),
        scenarios.HistoryDelayed(seconds=0.1),
        scenarios.StrangersPrompt(),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_survives(stand_in, open_backend, follow, fault):
    stand_in.faults.add(fault)
    backend = await open_backend(stand_in.url)
    prompt_id = new_id()
    events = await follow(backend, prompt_id, build_graph())

    assert stand_in.faults.played == [fault]
    assert len(events[-1].outputs) == 1
    assert len(stand_in.log.executions_of(prompt_id)) == 1


@BOTH
async def test_survives_an_answer_that_never_comes(stand_in, open_backend, follow):
    stand_in.faults.add(scenarios.NoAnswer())
    backend = await open_backend(stand_in.url)
    prompt_id = new_id()

    assert (await follow(backend, prompt_id, build_graph()))[-1].outputs
    assert len(stand_in.log.executions_of(prompt_id)) == 1


@BOTH
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (scenarios.Restart(at_step=2), RunLost),
        (scenarios.StrangerInterrupts(at_step=2), RunInterrupted),
        (scenarios.NodeFails(class_type="VAEDecode"), NodeFailed),
        (scenarios.OutOfMemory(), OutOfMemory),
        (scenarios.ServerError(), BackendRefused),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
async def test_ends_in_the_right_error(stand_in, open_backend, follow, fault, error):
    stand_in.faults.add(fault)
    backend = await open_backend(stand_in.url)

    with pytest.raises(error):
        await follow(backend, new_id(), build_graph())


@BOTH
@pytest.mark.parametrize("fault", [scenarios.FalseCancel(), scenarios.LoseInterrupt()])
async def test_a_cancel_that_did_nothing_is_repeated(stand_in, open_backend, follow, fault):
    stand_in.faults.add(fault)
    stand_in.step_seconds = 0.01
    backend = await open_backend(stand_in.url)
    prompt_id = new_id()
    task = asyncio.create_task(follow(backend, prompt_id, build_graph(500)))

    assert await cancel_when_known(backend, prompt_id) is CancelOutcome.CANCELLED
    with pytest.raises(RunInterrupted):
        await task


@BOTH
async def test_a_result_over_the_socket(stand_in, open_backend, follow):
    if not stand_in.installation.classes.get("SaveImageWebsocket"):
        pytest.skip("the stand-in has no such node")
    graph = build_graph()
    graph["9"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["8", 0]}}
    events = await follow(await open_backend(stand_in.url), new_id(), graph)

    (output,) = events[-1].outputs
    assert isinstance(output, OutputBytes)
