"""Each race settles rightly and in time: with pictures, or with the right error.

Where a real ComfyUI can be made to do it, it is asked as well.
"""

import asyncio
import dataclasses
import io
import os
import random
import uuid
from contextlib import aclosing

import pytest
from PIL import Image, ImageStat

from comfy.backend import CancelOutcome
from comfy.errors import (
    BackendRefused,
    BackendUnreachable,
    GraphRejected,
    NodeFailed,
    OutOfMemory,
    OutputGone,
    RunInterrupted,
    RunLost,
)
from comfy.kinds import BackendSettings
from comfy.protocol.events import (
    MediaKind,
    OutputBytes,
    OutputFile,
    OutputText,
    Preview,
    Started,
    StepDone,
    Submitted,
    Succeeded,
)
from comfy.protocol.responses import QueueState, RunRecord
from comfy.server import ComfyServer
from comfy.timeouts import Timing
from sandbox import scenarios
from sandbox.comfyui import ComfyUIStandIn
from tests.support.reverse_proxy import ReverseProxy

WITHIN_S = 90
"""By then each of them has settled. It takes seconds on the stand-in, but a machine may be busy,
and a real server samples on a CPU and may have other work first."""

CHECKPOINT = "tiny_sd3.safetensors"


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def sampler_graph(steps=6, seed=None):
    sampler = {
        "seed": random.getrandbits(40) if seed is None else seed,
        "steps": steps,
        "cfg": 4.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name=CHECKPOINT),
        "6": node("CLIPTextEncode", text="a red fox", clip=["4", 1]),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "3": node(
            "KSampler",
            model=["4", 0],
            positive=["6", 0],
            negative=["6", 0],
            latent_image=["5", 0],
            **sampler,
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="limner_test/settles"),
    }


def plain_graph():
    """Nothing to load and to sample: over in a moment."""
    inputs = {"width": 64, "height": 64, "batch_size": 1, "color": random.getrandbits(24)}
    return {
        "1": node("EmptyImage", **inputs),
        "9": node("SaveImage", images=["1", 0], filename_prefix="limner_test/settles"),
    }


def new_id():
    return str(uuid.uuid4())


@pytest.fixture
def settle():
    """Follow a run; it has to end in time."""

    async def follow(backend, graph, prompt_id=None, **options):
        async with asyncio.timeout(WITHIN_S):
            run = backend.run(graph, prompt_id or new_id(), **options)
            return [event async for event in run]

    return follow


async def cancel_when_known(backend, prompt_id):
    while True:
        outcome = await backend.cancel(prompt_id)
        if outcome is not CancelOutcome.UNKNOWN:
            assert outcome is CancelOutcome.CANCELLED
            return
        await asyncio.sleep(0.01)


async def until_loaded(backend):
    while True:
        if await backend.fetch_load():
            return
        await asyncio.sleep(0.01)


PICTURES = None
"""What most faults must not keep a run from."""

FAULTS = {
    "socket killed mid-run": (scenarios.KillSockets(at_step=2), PICTURES),
    "half-dead silent socket": (scenarios.SilenceSockets(at_step=2), PICTURES),
    "dead connection": (scenarios.SilenceSockets(at_step=2, answers_pings=False), PICTURES),
    "history later than success": (scenarios.HistoryDelayed(seconds=0.3), PICTURES),
    "run over before POST answers": (scenarios.AnswerAfterRun(), PICTURES),
    "POST timed out": (scenarios.NoAnswer(), PICTURES),
    "POST lost": (scenarios.StopAnswering(path="/prompt"), PICTURES),
    "preview that is no picture": (scenarios.GarbagePreview(at_step=2), PICTURES),
    "unknown and malformed frames": (scenarios.StrangeFrames(at_step=2), PICTURES),
    "20 MB frame": (scenarios.BigFrame(at_step=2), PICTURES),
    "other people's prompts": (scenarios.StrangersPrompt(), PICTURES),
    "history stops answering": (scenarios.StopAnswering(path="/history"), PICTURES),
    "queue stops answering": (scenarios.StopAnswering(path="/queue"), PICTURES),
    "server restart": (scenarios.Restart(at_step=2), RunLost),
    "interrupted by somebody else": (scenarios.StrangerInterrupts(at_step=2), RunInterrupted),
    "run-time error": (scenarios.NodeFails(class_type="VAEDecode"), NodeFailed),
    "out of memory": (scenarios.OutOfMemory(), OutOfMemory),
    "plain-text 500": (scenarios.ServerError(), BackendRefused),
}


async def play(version, fault, error, settle):
    """One fault on a server of its own; None, or what went otherwise than it should."""
    stand_in = ComfyUIStandIn(
        version=version,
        step_seconds=0.02,
        load_seconds=0,
        models={"checkpoints": [CHECKPOINT]},
        largest_drawing=64,
    )
    async with stand_in:
        backend = ComfyServer(BackendSettings(stand_in.url))
        await backend.open()
        stand_in.faults.add(fault)
        prompt_id = new_id()
        try:
            events = await settle(backend, sampler_graph(), prompt_id, is_new=True)
        except Exception as caught:  # noqa: BLE001 - whatever it is, the test tells it
            return None if error is not None and type(caught) is error else repr(caught)
        finally:
            await backend.close()
        ran = len(stand_in.log.executions_of(prompt_id))
        good = error is None and len(events[-1].outputs) == 1 and ran == 1
        return None if good else f"{events[-1]}, executed {ran} times"


async def test_every_fault_settles_rightly_and_in_time(settle):
    """With the time-outs that operators have; all at once, as most of the time is waited."""
    cases = [(name, version) for name in FAULTS for version in ("0.33.0", "0.3.64")]
    results = await asyncio.gather(
        *(play(version, *FAULTS[name], settle) for name, version in cases)
    )

    assert {case: bad for case, bad in zip(cases, results, strict=True) if bad} == {}


@pytest.fixture
async def cable(place, brisk):
    """What lies between a client and its server, and a backend at the end of it."""
    async with ReverseProxy(place.url) as proxy:
        timing = brisk if place.stand_in else Timing()
        async with ComfyServer(BackendSettings(proxy.url), timing) as backend:
            yield proxy, backend


@pytest.mark.parametrize("accident", [ReverseProxy.kill_sockets, ReverseProxy.silence_sockets])
async def test_accident_of_the_socket_mid_run(place, cable, settle, accident):
    """Killed, or open and silent: the same to whoever waits for pictures."""
    proxy, backend = cable
    prompt_id, graph = new_id(), sampler_graph(steps=12)
    run = backend.run(graph, prompt_id)
    async with aclosing(run) as events:
        async for event in events:
            if isinstance(event, StepDone) and event.value >= 2:
                break
        accident(proxy)
        rest = [event async for event in events]

    assert rest[-1].outputs
    again = await settle(place.backend, graph, prompt_id)
    assert again == [Submitted(prompt_id, was_known=True), rest[-1]], "it ran once"


async def test_two_sockets_with_one_client_id(place, cable, stranger, settle):
    """The server talks to the newest only, and to none once one of them is gone."""
    _, backend = cable
    await settle(backend, plain_graph())
    client_id = backend._listener.client_id
    async with stranger.ws_connect(f"{place.url}/ws", params={"clientId": client_id}) as rival:
        await rival.receive()
        assert (await settle(backend, plain_graph()))[-1].outputs
    assert (await settle(backend, plain_graph()))[-1].outputs
    assert backend._listener.client_id != client_id, "the deaf one was replaced"


async def test_run_over_before_post_answers(place, cable, settle):
    proxy, backend = cable
    proxy.hold_answers("/prompt")
    prompt_id, graph = new_id(), plain_graph()
    run = asyncio.create_task(settle(backend, graph, prompt_id, is_new=True))
    await until_recorded(place.backend, prompt_id)
    proxy.release_answers("/prompt")

    assert (await run)[-1].outputs
    assert count_posts(proxy) == 1


async def until_recorded(backend, prompt_id):
    while True:
        if isinstance(await backend._lookup.look_up(prompt_id), RunRecord):
            return
        await asyncio.sleep(0.01)


async def test_post_timed_out(cable, settle):
    """The server has it, and never says so: it is found by its id and not submitted again."""
    proxy, backend = cable
    proxy.hold_answers("/prompt")
    events = await settle(backend, plain_graph(), is_new=True)

    assert events[-1].outputs
    assert count_posts(proxy) == 1


def count_posts(proxy):
    return [path for path, _ in proxy.seen].count("/prompt")


async def test_plain_text_500(place):
    if place.stand_in is None:
        pytest.skip("nobody can make a real server fail from outside")
    text = b"500 Internal Server Error\n\nServer got itself in trouble"
    place.stand_in.faults.add(scenarios.WrongFile(status=500, content=text))
    output = OutputFile("9", "a.png", "", "output", MediaKind.IMAGE)
    with pytest.raises(BackendRefused, match="500 Internal Server Error") as caught:
        await place.backend.fetch_output(output, max_bytes=10**6)

    assert caught.value.status == 500


async def test_fully_cached_run(place, settle):
    graph = plain_graph()
    first = await settle(place.backend, graph)
    again = await settle(place.backend, graph)

    assert not first[-1].fully_cached
    assert again[-1] == Succeeded(first[-1].outputs, fully_cached=True)
    assert await place.backend.fetch_output(again[-1].outputs[0], max_bytes=10**6)


async def test_cached_run_whose_file_is_gone(place, settle):
    graph = plain_graph()
    (output,) = (await settle(place.backend, graph))[-1].outputs
    if place.stand_in is None:
        pytest.skip("nobody can delete a real server's files from outside")
    place.stand_in.folders.inside("output", output.subfolder, output.filename).unlink()
    (cached,) = (await settle(place.backend, graph))[-1].outputs

    assert cached == output
    with pytest.raises(OutputGone, match=output.filename):
        await place.backend.fetch_output(cached, max_bytes=10**6)


async def test_20_mb_frame(place, settle, noise):
    name = await place.backend.upload_image(noise, extension="png")
    graph = {"1": node("LoadImage", image=name), "9": node("SaveImageWebsocket", images=["1", 0])}
    (output,) = (await settle(place.backend, graph))[-1].outputs

    assert isinstance(output, OutputBytes)
    assert len(output.content) > 20 * 2**20


async def test_text_events(place, settle):
    graph = {
        "1": plain_graph()["1"],
        "2": node("GetImageSize", image=["1", 0]),
        "9": node("PreviewAny", source=["2", 0]),
    }
    events = await settle(place.backend, graph)

    assert not [event for event in events if isinstance(event, Preview)]
    assert events[-1].outputs == (OutputText("9", "64"),)


async def test_previews_and_progress_of_other_peoples_prompts(place, settle, stranger):
    """A prompt without a client id sends its previews and steps to everybody."""
    async with stranger.post(
        f"{place.url}/prompt", json={"prompt": sampler_graph(steps=9)}
    ) as answer:
        assert answer.status == 200
    events = await settle(place.backend, sampler_graph(steps=4))

    started = next(i for i, event in enumerate(events) if isinstance(event, Started))
    early = [event for event in events[:started] if isinstance(event, Preview | StepDone)]
    steps = [event for event in events if isinstance(event, StepDone)]
    assert early == []
    assert {step.maximum for step in steps} == {4}
    assert steps[-1].value == 4


async def test_restart_with_work_waiting_and_running(settle, eventually, brisk):
    async with ComfyUIStandIn(
        step_seconds=0.05, load_seconds=0, models={"checkpoints": [CHECKPOINT]}, largest_drawing=64
    ) as stand_in:
        backend = ComfyServer(BackendSettings(stand_in.url), brisk)
        await backend.open()
        stand_in.hold()
        runs = [asyncio.create_task(settle(backend, sampler_graph())) for _ in range(3)]
        await stand_in.wait_until_held()
        await eventually(lambda: len(stand_in.log.posts) == 3)
        await stand_in.restart()
        stand_in.release()
        ends = await asyncio.gather(*runs, return_exceptions=True)
        assert [type(end) for end in ends] == [RunLost] * 3
        assert (await settle(backend, sampler_graph()))[-1].outputs
        await backend.close()


async def test_server_stops_answering_http(settle, eventually, brisk):
    """What the socket tells is enough; what nobody answers at all ends as unreachable."""
    async with ComfyUIStandIn(
        step_seconds=0.05, load_seconds=0, models={"checkpoints": [CHECKPOINT]}, largest_drawing=64
    ) as stand_in:
        backend = ComfyServer(
            BackendSettings(stand_in.url), dataclasses.replace(brisk, request=1.0)
        )
        await backend.open()
        stand_in.hold()
        run = asyncio.create_task(settle(backend, sampler_graph()))
        await stand_in.wait_until_held()
        stand_in.faults.add(scenarios.StopAnswering(path="/", times=1000))
        stand_in.release()
        assert (await run)[-1].outputs
        with pytest.raises(BackendUnreachable, match="did not answer within 1 s"):
            await backend.fetch_load()
        assert not backend.is_reachable
        await backend.close()


async def test_slow_consumer(place, eventually):
    """Nothing is read until the run is over: neither it nor anybody else is held up by that."""
    seen, over = [], asyncio.Event()
    prompt_id, graph = new_id(), sampler_graph(steps=30)
    async with asyncio.timeout(WITHIN_S):
        async with aclosing(place.backend.run(graph, prompt_id)) as events:
            async for event in events:
                if isinstance(event, Submitted):
                    watch = asyncio.create_task(until_ended(place.url, prompt_id, over))
                    await over.wait()
                    await watch
                seen.append(event)

    steps = [event for event in seen if isinstance(event, StepDone)]
    assert [(step.value, step.maximum) for step in steps] == [(30, 30)], "the newest one only"
    assert len([event for event in seen if isinstance(event, Preview)]) == 1
    assert seen[-1].outputs


async def until_ended(url, prompt_id, over):
    async with ComfyWatcher(url) as watcher:
        await watcher.wait_for_end(prompt_id)
    over.set()


class ComfyWatcher:
    """A client of its own that hears the end of somebody else's run."""

    def __init__(self, url):
        self.backend = ComfyServer(BackendSettings(url))

    async def __aenter__(self):
        await self.backend.open()
        return self

    async def __aexit__(self, *_):
        await self.backend.close()

    async def wait_for_end(self, prompt_id):
        async for _ in self.backend.run({}, prompt_id):
            pass


async def test_400_with_node_errors(place, settle):
    graph = sampler_graph(steps=100000)
    with pytest.raises(GraphRejected) as caught:
        await settle(place.backend, graph)

    (problem,) = caught.value.problems
    assert (problem.node_id, problem.class_type, problem.input_name) == ("3", "KSampler", "steps")
    assert problem.kind == "value_bigger_than_max"


async def test_200_with_node_errors(place, settle):
    """The server would run the good output; that is not what was asked for."""
    bad = node("SaveImage", images=["8", 7], filename_prefix="limner_test/bad")
    prompt_id = new_id()
    with pytest.raises(GraphRejected) as caught:
        await settle(place.backend, {**sampler_graph(steps=5000), "10": bad}, prompt_id)

    assert {problem.node_id for problem in caught.value.problems} == {"10"}
    whereabouts = await place.backend._lookup.look_up(prompt_id)
    assert not isinstance(whereabouts, QueueState), "it was withdrawn"


async def test_missing_node_class(place, settle):
    graph = {**plain_graph(), "2": node("NoSuchNode", images=["1", 0])}
    with pytest.raises(GraphRejected, match="NoSuchNode") as caught:
        await settle(place.backend, graph)

    assert caught.value.problems[0].kind == "missing_node_type"


async def test_run_time_error(place, settle):
    name = await place.backend.upload_image(os.urandom(99), extension="png")
    with pytest.raises(NodeFailed) as caught:
        await settle(place.backend, {**plain_graph(), "1": node("LoadImage", image=name)})

    assert (caught.value.node_id, caught.value.class_type) == ("1", "LoadImage")
    assert caught.value.exception_type == "PIL.UnidentifiedImageError"
    assert "/" not in caught.value.exception_message, "no folders of the server"


async def test_out_of_memory(place, settle):
    if place.stand_in is not None:
        place.stand_in.faults.add(scenarios.OutOfMemory(class_type="EmptyImage"))
    graph = plain_graph()
    graph["1"]["inputs"].update(width=16384, height=16384, batch_size=4096)
    with pytest.raises(OutOfMemory) as caught:
        await settle(place.backend, graph)

    assert (caught.value.node_id, caught.value.class_type) == ("1", "EmptyImage")
    assert (await settle(place.backend, plain_graph()))[-1].outputs, "the server lives on"


async def test_interrupt_of_running_and_of_waiting(place, settle):
    running, waiting = new_id(), new_id()
    tasks = [
        asyncio.create_task(settle(place.backend, sampler_graph(steps=5000), one))
        for one in (running, waiting)
    ]
    async with asyncio.timeout(WITHIN_S):
        for one in (waiting, running):
            await cancel_when_known(place.backend, one)
        ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(end) for end in ends] == [RunInterrupted, RunInterrupted]


async def test_interrupt_at_once_after_the_submission(place, settle):
    """A server forgets an interrupt that comes before the graph starts."""
    for _ in range(5):
        prompt_id = new_id()
        task = asyncio.create_task(settle(place.backend, sampler_graph(steps=5000), prompt_id))
        async with asyncio.timeout(WITHIN_S):
            await cancel_when_known(place.backend, prompt_id)
            with pytest.raises(RunInterrupted):
                await task


@pytest.mark.parametrize("version", ["0.33.0", "0.3.64"])
@pytest.mark.parametrize(
    "fault", [scenarios.FalseCancel(times=2), scenarios.LoseInterrupt(times=2)]
)
async def test_lost_interrupt_and_false_cancelled(version, fault, settle, eventually, brisk):
    async with ComfyUIStandIn(
        version=version,
        step_seconds=0.02,
        load_seconds=0,
        models={"checkpoints": [CHECKPOINT]},
        largest_drawing=64,
    ) as stand_in:
        backend = ComfyServer(BackendSettings(stand_in.url), brisk)
        await backend.open()
        stand_in.faults.add(fault)
        prompt_id = new_id()
        task = asyncio.create_task(settle(backend, sampler_graph(steps=5000), prompt_id))
        await eventually(lambda: stand_in.log.executions_of(prompt_id))
        async with asyncio.timeout(WITHIN_S):
            assert await backend.cancel(prompt_id) is CancelOutcome.CANCELLED
            with pytest.raises(RunInterrupted):
                await task
        await backend.close()


async def test_taken_out_of_the_queue_by_somebody_else(place, settle, stranger):
    """A prompt that was waiting ends without any message and without a trace."""
    blocker, waiting = new_id(), new_id()
    blocking = asyncio.create_task(settle(place.backend, sampler_graph(steps=5000), blocker))
    run = place.backend.run(plain_graph(), waiting)
    async with asyncio.timeout(WITHIN_S), aclosing(run) as events:
        await until_loaded(place.backend)
        await anext(events)
        async with stranger.post(f"{place.url}/queue", json={"delete": [waiting]}) as answer:
            assert answer.status == 200
        with pytest.raises(RunLost):
            async for _ in events:
                pass
        await place.backend.cancel(blocker)
        with pytest.raises(RunInterrupted):
            await blocking


async def test_running_prompt_interrupted_by_somebody_else(place, settle, stranger):
    prompt_id = new_id()
    run = place.backend.run(sampler_graph(steps=5000), prompt_id)
    async with asyncio.timeout(WITHIN_S), aclosing(run) as events:
        async for event in events:
            if isinstance(event, StepDone):
                break
        asked = {"prompt_id": prompt_id}
        async with stranger.post(f"{place.url}/interrupt", json=asked) as answer:
            assert answer.status == 200
        with pytest.raises(RunInterrupted):
            async for _ in events:
                pass


async def test_queue_cleared_by_somebody_else(settle, eventually, brisk):
    async with ComfyUIStandIn(
        step_seconds=0.05, load_seconds=0, models={"checkpoints": [CHECKPOINT]}, largest_drawing=64
    ) as stand_in:
        backend = ComfyServer(BackendSettings(stand_in.url), brisk)
        await backend.open()
        stand_in.faults.add(scenarios.ClearQueue(at_step=3))
        stand_in.hold()
        first = asyncio.create_task(settle(backend, sampler_graph()))
        await stand_in.wait_until_held()
        second = asyncio.create_task(settle(backend, sampler_graph()))
        await eventually(lambda: len(stand_in.log.posts) == 2)
        stand_in.release()
        assert (await first)[-1].outputs
        with pytest.raises(RunLost):
            await second
        await backend.close()


async def test_upload_too_large():
    async with ComfyUIStandIn() as stand_in:
        stand_in.faults.add(scenarios.UploadTooLarge())
        backend = ComfyServer(BackendSettings(stand_in.url))
        with pytest.raises(BackendRefused) as caught:
            await backend.upload_image(b"picture", extension="png")
        await backend.close()

    assert caught.value.status == 413


async def test_upload_is_stored_once_and_called_what_the_server_says(place, png):
    name = await place.backend.upload_image(png, extension="png")

    assert name.startswith("limner/")
    assert await place.backend.upload_image(png, extension="png") == name


def brightness(content):
    """Of the left and of the right half."""
    with Image.open(io.BytesIO(content)) as picture:
        grey = picture.convert("L")
        halves = grey.crop((0, 0, 32, 64)), grey.crop((32, 0, 64, 64))
    return [ImageStat.Stat(half).mean[0] for half in halves]
