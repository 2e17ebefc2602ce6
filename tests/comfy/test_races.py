"""One test for each race and trap that real servers were seen to have."""

import asyncio
import json
import struct
import uuid
from contextlib import aclosing

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comfy.backend import CancelOutcome
from comfy.errors import (
    BackendRefused,
    BackendUnreachable,
    GraphRejected,
    NodeFailed,
    NotComfyUI,
    OutOfMemory,
    OutputGone,
    RunFailed,
    RunInterrupted,
    RunLost,
    RunStalled,
)
from comfy.protocol.events import (
    NodeStarted,
    OutputBytes,
    OutputText,
    Preview,
    Started,
    StepDone,
    Submitted,
    Succeeded,
)

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 200
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 200
OTHER = "99999999-0000-4000-8000-000000000000"


KINDS = [
    "status", "feature_flags", "execution_start", "execution_cached", "executing", "progress",
    "progress_state", "executed", "execution_success", "execution_error", "execution_interrupted",
    "logs", "crystools.monitor",
]  # fmt: skip

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def frames(draw):
    """Text and binary frames, from nearly right to nonsense."""
    shape = draw(st.sampled_from(["message", "text", "binary", "event"]))
    if shape == "text":
        return draw(st.text(st.characters(codec="utf-8"), max_size=30))
    if shape == "binary":
        return draw(st.binary(max_size=60))
    if shape == "event":
        return struct.pack(">I", draw(st.integers(0, 5))) + draw(st.binary(max_size=60))
    names = [
        "node",
        "display_node",
        "nodes",
        "output",
        "value",
        "max",
        "sid",
        "status",
        "prompt_id",
    ]
    content = draw(st.dictionaries(st.sampled_from(names), values, max_size=4))
    if draw(st.booleans()):
        content["prompt_id"] = "MINE"
    return json.dumps({"type": draw(st.sampled_from(KINDS)), "data": content})


def held_script(until_released):
    """Begin, take one step, wait, end with a picture."""

    async def script(comfy, queued):
        await comfy.begin(queued)
        await comfy.node(queued, "3")
        await comfy.step(queued, "3", 1, 4)
        await until_released.wait()
        await comfy.step(queued, "3", 4, 4)
        output = comfy.image()
        await comfy.executed(queued, "9", **output)
        await comfy.end(queued, {"9": output})

    return script


async def until_stopped_script(comfy, queued):
    """Run until an interrupt is heard."""
    await comfy.begin(queued)
    while queued.id not in comfy.stopped:  # noqa: ASYNC110 - as a sampler looks at each step
        await asyncio.sleep(0.005)
    await comfy.end(queued, {}, "interrupted")


async def test_socket_killed_mid_run(comfy, backend, start_following, eventually, prompt_id, graph):
    release = asyncio.Event()
    comfy.script = held_script(release)
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    comfy.kill(comfy.every_socket[0])
    await eventually(lambda: len(comfy.every_socket) == 2 and comfy.sockets)
    release.set()
    events = await task

    assert StepDone("3", 4, 4) in events, "the rest is heard live under the kept client id"
    assert [output.filename for output in events[-1].outputs] == ["a_00001_.png"]
    # What reported to the kept client id has ended, so the next connection has a fresh one.
    await eventually(lambda: len(comfy.every_socket) == 3)


async def test_run_ended_while_the_socket_was_away(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    release = asyncio.Event()

    async def script(comfy, queued):
        await comfy.begin(queued)
        await release.wait()
        await comfy.finish_quietly(queued, {"9": comfy.image()})

    comfy.script = script
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    release.set()
    comfy.kill(comfy.every_socket[0])

    assert [output.filename for output in (await task)[-1].outputs] == ["a_00001_.png"]


async def test_post_answered_late(comfy, backend, start_following, eventually, prompt_id, graph):
    comfy.answer_gate = asyncio.Event()
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: prompt_id in comfy.history)
    comfy.answer_gate.set()
    events = await task

    assert isinstance(events[0], Submitted)
    assert isinstance(events[-1], Succeeded)


async def test_history_later_than_success(comfy, backend, follow, prompt_id, graph):
    async def script(comfy, queued):
        await comfy.begin(queued)
        comfy.hide_history = 3
        await comfy.end(queued, {"9": comfy.image()})

    comfy.script = script
    events = await follow(backend, prompt_id, graph)

    assert [output.filename for output in events[-1].outputs] == ["a_00001_.png"]


async def test_cached_run(comfy, backend, follow, prompt_id, graph):
    async def script(comfy, queued):
        await comfy.begin(queued, cached=["3", "4", "9"])
        output = comfy.image("old_00001_.png")
        await comfy.executed(queued, "9", **output)
        await comfy.end(queued, {"9": output}, cached=["3", "4", "9"])

    comfy.script = script
    events = await follow(backend, prompt_id, graph)

    assert Started(frozenset({"3", "4", "9"})) in events
    assert events[-1].fully_cached
    assert events[-1].outputs[0].filename == "old_00001_.png"


async def test_cached_file_gone(comfy, backend, follow, prompt_id, graph):
    events = await follow(backend, prompt_id, graph)
    comfy.files.clear()

    with pytest.raises(OutputGone):
        await backend.fetch_output(events[-1].outputs[0], max_bytes=1000)


async def test_server_restart(comfy, backend, start_following, eventually, prompt_id, graph):
    comfy.script = held_script(asyncio.Event())
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    await comfy.restart()

    with pytest.raises(RunLost):
        await task


async def test_server_gone_for_good(comfy, backend, start_following, eventually, prompt_id, graph):
    comfy.script = held_script(asyncio.Event())
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    await comfy.stop()

    with pytest.raises(BackendUnreachable):
        await task
    assert not backend.is_reachable


async def test_half_dead_silent_socket(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    release = asyncio.Event()
    comfy.script = held_script(release)
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    comfy.sockets.clear()
    release.set()
    events = await task

    assert isinstance(events[-1], Succeeded)
    await eventually(lambda: comfy.sockets)
    assert len(comfy.every_socket) == 2, "the deaf one was replaced"


async def test_late_death_of_the_old_connection(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    """The server forgets the newest socket of a client id when an older one dies."""
    release = asyncio.Event()
    comfy.script = held_script(release)
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    (client_id,) = comfy.sockets
    comfy.kill(comfy.every_socket[0])
    await eventually(lambda: len(comfy.every_socket) == 2 and client_id in comfy.sockets)
    del comfy.sockets[client_id]
    release.set()

    assert [output.filename for output in (await task)[-1].outputs] == ["a_00001_.png"]
    await eventually(lambda: comfy.sockets)
    assert client_id not in comfy.sockets, "what comes next has a fresh client id"


async def test_socket_deaf_from_the_start(comfy, backend, follow, eventually, prompt_id, graph):
    await eventually(lambda: comfy.sockets)
    comfy.sockets.clear()

    assert isinstance((await follow(backend, prompt_id, graph))[-1], Succeeded)


async def test_server_without_socket_is_followed_by_polling(comfy, connect, follow, graph):
    comfy.knows_socket = False
    backend = await connect()
    events = await follow(backend, OTHER, graph)

    assert isinstance(events[-1], Succeeded)


async def test_long_silent_node_is_not_death(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    release = asyncio.Event()
    comfy.script = held_script(release)
    task = start_following(backend, prompt_id, graph)
    asked = ("GET", "/api/jobs")
    await eventually(lambda: comfy.count(*asked) >= 4)
    assert not task.done()
    release.set()

    assert isinstance((await task)[-1], Succeeded)


async def test_two_followers_of_one_run(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    release = asyncio.Event()

    async def script(comfy, queued):
        outputs = {"8": comfy.image("b.png"), "9": comfy.image()}
        await comfy.begin(queued)
        await comfy.executed(queued, "8", **outputs["8"])
        await release.wait()
        await comfy.executed(queued, "9", **outputs["9"])
        await comfy.end(queued, outputs)

    comfy.script = script
    first = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    second = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.count("GET", f"/api/jobs/{prompt_id}") >= 2)
    release.set()
    ends = [events[-1] for events in await asyncio.gather(first, second)]

    assert ends[0] == ends[1]
    assert [output.filename for output in ends[1].outputs] == ["a_00001_.png", "b.png"]
    assert comfy.count("POST", "/prompt") == 1


async def test_http_down_while_the_socket_talks(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    release = asyncio.Event()
    comfy.script = held_script(release)
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    comfy.refuses_questions = True
    await eventually(lambda: comfy.count("GET", "/api/jobs") >= 3)
    release.set()

    assert isinstance((await task)[-1], Succeeded)


async def test_no_sign_of_life_for_too_long(comfy, backend, follow, prompt_id, graph):
    comfy.script = held_script(asyncio.Event())

    with pytest.raises(RunStalled):
        await follow(backend, prompt_id, graph, stall_after_s=0.3)


async def test_waiting_behind_others_is_a_sign_of_life(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    release = asyncio.Event()

    async def script(comfy, queued):
        await release.wait()
        await comfy.play(comfy, queued)

    comfy.script = script
    task = start_following(backend, prompt_id, graph, stall_after_s=0.05)
    await eventually(lambda: comfy.count("GET", "/api/jobs") >= 6)
    release.set()

    assert isinstance((await task)[-1], Succeeded)


async def test_executing_without_prompt_id_after_a_reconnect(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    release = asyncio.Event()

    async def script(comfy, queued):
        await comfy.begin(queued)
        await release.wait()
        await comfy.send(queued.client_id, "executing", node="3")
        await comfy.end(queued, {"9": comfy.image()})

    comfy.script = script
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    release.set()
    events = await task

    assert NodeStarted("3") in events
    assert isinstance(events[-1], Succeeded)


async def test_post_timed_out_without_double_submission(comfy, connect, follow, prompt_id, graph):
    backend = await connect(request=0.2)
    comfy.answer_gate = asyncio.Event()
    events = await follow(backend, prompt_id, graph)

    assert isinstance(events[-1], Succeeded)
    assert comfy.count("POST", "/prompt") == 1


@pytest.mark.parametrize("knows_socket", [True, False])
async def test_post_cut_after_it_arrived(comfy, connect, follow, prompt_id, graph, knows_socket):
    comfy.knows_socket = knows_socket
    backend = await connect(lookup=0.0)
    comfy.cut_posts = 1
    events = await follow(backend, prompt_id, graph)

    assert isinstance(events[-1], Succeeded)
    assert comfy.count("POST", "/prompt") == 1


async def test_post_cut_before_it_arrived(comfy, connect, follow, prompt_id, graph):
    backend = await connect(lookup=0.2, lookup_pause=0.21)
    comfy.swallow_posts = 1
    events = await follow(backend, prompt_id, graph, is_new=True)

    assert isinstance(events[-1], Succeeded)
    assert comfy.count("POST", "/prompt") == 2
    assert comfy.count("GET", f"/api/jobs/{prompt_id}") <= 2, "it pauses between look-ups"


async def test_every_post_cut_before_it_arrived(comfy, connect, follow, prompt_id, graph):
    backend = await connect(lookup=0.0)
    comfy.swallow_posts = 3

    with pytest.raises(BackendUnreachable):
        await follow(backend, prompt_id, graph)
    assert comfy.count("POST", "/prompt") == 3
    assert not comfy.swallow_posts


async def test_post_cut_and_nobody_knows_whether_it_arrived(
    comfy, connect, follow, prompt_id, graph
):
    backend = await connect(lookup=0.0)
    comfy.swallow_posts, comfy.refuses_questions = 1, True

    with pytest.raises(BackendUnreachable):
        await follow(backend, prompt_id, graph, is_new=True)
    assert comfy.count("POST", "/prompt") == 1


async def test_post_cut_and_queued_a_while_later(
    comfy, connect, start_following, eventually, prompt_id, graph
):
    backend = await connect(lookup=60.0)
    comfy.swallow_posts = 1
    task = start_following(backend, prompt_id, graph, is_new=True)
    # Each look-up asks for the job, so that the first has ended once the second begins.
    await eventually(lambda: comfy.count("GET", f"/api/jobs/{prompt_id}") >= 2)
    (body,) = [seen[2] for seen in comfy.requests if seen[:2] == ("POST", "/prompt")]
    comfy.accept(body)

    assert isinstance((await task)[-1], Succeeded)
    assert comfy.count("POST", "/prompt") == 1


async def test_nobody_there(comfy, connect, follow, prompt_id, graph):
    await comfy.stop()
    backend = await connect(unreachable=600.0)

    with pytest.raises(BackendUnreachable):
        await follow(backend, prompt_id, graph, is_new=True)


async def test_partial_validation(comfy, backend, follow, prompt_id, graph):
    def answer(body):
        comfy.script = until_stopped_script
        comfy.accept(body)
        problem = {"type": "exception_during_validation", "message": "Bad", "details": "'77'"}
        errors = {"10": {"errors": [problem], "class_type": "PreviewImage"}}
        return web.json_response({"prompt_id": prompt_id, "number": 1, "node_errors": errors})

    comfy.post_answer = answer
    with pytest.raises(GraphRejected) as caught:
        await follow(backend, prompt_id, graph)

    assert caught.value.problems[0].class_type == "PreviewImage"
    assert not comfy.running
    assert not comfy.pending, "what was accepted in part must not run"


async def test_plain_text_500(comfy, backend, follow, prompt_id, graph):
    comfy.post_answer = lambda _: web.Response(status=500, text="500 Internal Server Error\n\n")

    with pytest.raises(BackendRefused, match="500 Internal Server Error") as caught:
        await follow(backend, prompt_id, graph)
    assert caught.value.status == 500


async def test_server_that_chooses_its_own_prompt_id(comfy, backend, follow, prompt_id, graph):
    comfy.post_answer = lambda _: web.json_response({"prompt_id": OTHER, "node_errors": {}})

    with pytest.raises(BackendRefused, match="too old"):
        await follow(backend, prompt_id, graph)
    assert comfy.count("GET", f"/api/jobs/{OTHER}"), "what it queued instead is looked for"


@pytest.mark.parametrize("answer", [[], {}, {"number": 1}, "queued", None])
async def test_post_answered_by_something_else(comfy, backend, follow, prompt_id, graph, answer):
    comfy.post_answer = lambda _: web.json_response(answer)

    with pytest.raises(NotComfyUI, match="not as ComfyUI does"):
        await follow(backend, prompt_id, graph)


@pytest.mark.parametrize(
    ("exception_type", "sentence", "error"),
    [
        ("torch.OutOfMemoryError", "Allocation on device", OutOfMemory),
        ("RuntimeError", "CUDA error: out of memory", OutOfMemory),
        ("RuntimeError", "DefaultCPUAllocator: not enough memory: you tried", OutOfMemory),
        ("OSError", "Truncated File Read\n", NodeFailed),
    ],
)
async def test_node_raises(
    comfy, backend, follow, prompt_id, graph, exception_type, sentence, error
):
    async def script(comfy, queued):
        await comfy.begin(queued)
        message = {
            "node_id": "3",
            "node_type": "KSampler",
            "exception_type": exception_type,
            "exception_message": sentence,
        }
        await comfy.end(queued, {}, "error", message=message)

    comfy.script = script
    with pytest.raises(NodeFailed) as caught:
        await follow(backend, prompt_id, graph)

    assert type(caught.value) is error
    assert caught.value.class_type == "KSampler"
    assert caught.value.exception_message == sentence.strip()


async def test_messages_and_previews_of_others(comfy, backend, follow, prompt_id, graph):
    async def script(comfy, queued):
        mine = queued.client_id
        event_1 = struct.pack(">II", 1, 1)
        await comfy.send_bytes(mine, event_1, JPEG + b"before mine started")
        await comfy.send(mine, "progress", value=1, max=9, prompt_id=OTHER, node="3")
        await comfy.send_preview(mine, OTHER, "3", JPEG + b"theirs")
        await comfy.send(mine, "execution_interrupted", prompt_id=OTHER)
        await comfy.send(mine, "executing", node=None, prompt_id=OTHER)
        await comfy.begin(queued)
        await comfy.node(queued, "3")
        await comfy.send_bytes(mine, event_1, JPEG + b"mine")
        output = comfy.image()
        await comfy.executed(queued, "9", **output)
        await comfy.end(queued, {"9": output})

    comfy.script = script
    events = await follow(backend, prompt_id, graph)

    pictures = [event.image for event in events if isinstance(event, Preview)]
    assert pictures == [JPEG + b"mine"]
    assert not [event for event in events if isinstance(event, StepDone)]


async def test_slow_consumer(comfy, backend, eventually, prompt_id, graph):
    async def script(comfy, queued):
        await comfy.begin(queued)
        await comfy.node(queued, "3")
        for value in range(1, 201):
            await comfy.step(queued, "3", value, 200)
            await comfy.send_preview(queued.client_id, queued.id, "3", JPEG + b"%d" % value)
        output = comfy.image()
        await comfy.executed(queued, "9", **output)
        await comfy.end(queued, {"9": output})

    comfy.script = script
    seen = []
    async with aclosing(backend.run(graph, prompt_id)) as events:
        async for event in events:
            if isinstance(event, Submitted):
                # Nothing is read until the server is done: it must not be held up by that.
                await eventually(lambda: prompt_id in comfy.history)
            seen.append(event)

    assert [event.value for event in seen if isinstance(event, StepDone)][-1] == 200
    assert [event.image for event in seen if isinstance(event, Preview)][-1].endswith(b"200")
    assert len(seen) < 60, "stale steps and previews were dropped"
    assert NodeStarted("3") in seen
    assert isinstance(seen[-1], Succeeded)


async def test_frame_of_20_mb(comfy, backend, follow, prompt_id, graph):
    graph["9"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["3", 0]}}
    picture = PNG + bytes(20 * 2**20)

    async def script(comfy, queued):
        await comfy.begin(queued)
        await comfy.node(queued, "9")
        await comfy.send_preview(queued.client_id, queued.id, "9", picture, "image/png")
        await comfy.end(queued, {})

    comfy.script = script
    events = await follow(backend, prompt_id, graph)

    assert events[-1].outputs == (OutputBytes("9", picture),)
    assert len(comfy.every_socket) == 1


async def test_result_over_the_socket_lost_with_the_socket(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    graph["9"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["3", 0]}}
    release = asyncio.Event()

    async def script(comfy, queued):
        await comfy.begin(queued)
        await release.wait()
        await comfy.finish_quietly(queued, {})

    comfy.script = script
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    comfy.kill(comfy.every_socket[0])
    release.set()

    with pytest.raises(RunLost, match="not kept"):
        await task


async def test_result_over_the_socket_later_than_the_record(
    comfy, connect, start_following, eventually, prompt_id, graph
):
    graph["9"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["3", 0]}}
    backend = await connect(gone_apart=20)
    end, send = asyncio.Event(), asyncio.Event()

    async def script(comfy, queued):
        await comfy.begin(queued)
        await end.wait()
        await comfy.finish_quietly(queued, {})
        await send.wait()
        await comfy.send_preview(queued.client_id, queued.id, "9", PNG, "image/png")
        await comfy.end(queued, {})

    comfy.script = script
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    comfy.kill(comfy.every_socket[0])
    await eventually(lambda: len(comfy.every_socket) == 2 and comfy.sockets)
    end.set()
    await eventually(lambda: comfy.count("GET", f"/history/{prompt_id}"))
    send.set()

    assert (await task)[-1].outputs == (OutputBytes("9", PNG),)


async def test_garbage_of_every_sort(comfy, backend, follow, prompt_id, graph):
    async def script(comfy, queued):
        mine = queued.client_id
        await comfy.begin(queued)
        await comfy.send_preview(mine, queued.id, "3", b"no picture at all")
        for frame in (b"", b"\0\0", struct.pack(">II", 4, 2**31) + b"{", b"\0\0\0\x07abc"):
            await comfy.send_bytes(mine, frame)
        for text in ("{", "[]", "null", '{"type": null}', '{"type": "progress", "data": []}'):
            await comfy.sockets[mine].send_str(text)
        await comfy.send(mine, "custom.event", prompt_id=queued.id, data={"deep": [None]})
        output = comfy.image()
        await comfy.executed(queued, "9", **output)
        await comfy.end(queued, {"9": output})

    comfy.script = script
    events = await follow(backend, prompt_id, graph)

    assert isinstance(events[-1], Succeeded)
    assert len(comfy.every_socket) == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(storm=st.lists(frames(), min_size=1, max_size=60))
async def test_a_storm_of_frames_does_not_stop_the_reader(comfy, backend, follow, graph, storm):
    """Whatever comes over the socket before and during a run, also about the run itself."""
    sockets_before = len(comfy.every_socket)
    prompt_id = str(uuid.uuid4())

    async def script(comfy, queued):
        await comfy.begin(queued)
        for frame in storm:
            if isinstance(frame, bytes):
                await comfy.send_bytes(queued.client_id, frame)
            else:
                await comfy.sockets[queued.client_id].send_str(frame.replace("MINE", queued.id))
        output = comfy.image()
        await comfy.executed(queued, "9", **output)
        await comfy.end(queued, {"9": output})

    comfy.script = script
    try:
        events = await follow(backend, prompt_id, graph, is_new=True)
    except RunFailed:
        # A frame may say that this very run failed, and is believed.
        assert any("MINE" in frame for frame in storm if isinstance(frame, str))
    else:
        assert isinstance(events[-1], Succeeded)
    assert len(comfy.every_socket) == max(sockets_before, 1), "the reader lives on"


async def test_text_events_are_no_pictures(comfy, backend, follow, prompt_id, graph):
    async def script(comfy, queued):
        await comfy.begin(queued)
        await comfy.node(queued, "3")
        await comfy.send_bytes(queued.client_id, struct.pack(">II", 3, 1), b"3", b"width: 256")
        await comfy.executed(queued, "9", text=["256"])
        await comfy.end(queued, {"9": {"text": ["256"]}})

    comfy.script = script
    events = await follow(backend, prompt_id, graph)

    assert not [event for event in events if isinstance(event, Preview)]
    assert events[-1].outputs == (OutputText("9", "256"),)


@pytest.mark.parametrize("has_jobs_api", [True, False])
async def test_cancel_while_running(
    comfy, backend, start_following, eventually, prompt_id, graph, has_jobs_api
):
    comfy.has_jobs_api = has_jobs_api
    comfy.script = until_stopped_script
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)

    assert await backend.cancel(prompt_id) is CancelOutcome.CANCELLED
    with pytest.raises(RunInterrupted):
        await task
    assert all(seen[2] for seen in comfy.requests if seen[1] == "/interrupt")


@pytest.mark.parametrize("has_jobs_api", [True, False])
async def test_cancel_while_waiting_leaves_no_trace(
    comfy, backend, start_following, eventually, prompt_id, graph, has_jobs_api
):
    comfy.has_jobs_api = has_jobs_api

    async def script(comfy, queued):
        """Wait for ever."""

    comfy.script = script
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.pending)

    assert await backend.cancel(prompt_id) is CancelOutcome.CANCELLED
    with pytest.raises(RunInterrupted):
        await task


@pytest.mark.parametrize("has_jobs_api", [True, False])
async def test_false_cancel(
    comfy, backend, start_following, eventually, prompt_id, graph, has_jobs_api
):
    """The server says yes twice and runs on."""
    comfy.has_jobs_api = has_jobs_api
    comfy.deaf_to_cancel = 2
    comfy.script = until_stopped_script
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)

    assert await backend.cancel(prompt_id) is CancelOutcome.CANCELLED
    with pytest.raises(RunInterrupted):
        await task


async def test_cancel_never_works(comfy, connect, start_following, eventually, prompt_id, graph):
    backend = await connect(cancel=0.2)
    comfy.deaf_to_cancel = 1000
    comfy.script = until_stopped_script
    start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)

    with pytest.raises(RunStalled):
        await backend.cancel(prompt_id)


async def test_cancel_of_what_ended_or_never_was(comfy, backend, follow, prompt_id, graph):
    await follow(backend, prompt_id, graph)

    assert await backend.cancel(prompt_id) is CancelOutcome.ALREADY_ENDED
    assert await backend.cancel(OTHER) is CancelOutcome.UNKNOWN


async def test_cancel_while_the_submission_is_under_way(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    held = asyncio.Event()
    comfy.answer_gate = held
    comfy.script = until_stopped_script
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.count("POST", "/prompt"))
    cancelled = asyncio.create_task(backend.cancel(prompt_id))
    await eventually(lambda: prompt_id in comfy.stopped)
    held.set()

    assert await cancelled is CancelOutcome.CANCELLED
    with pytest.raises(RunInterrupted):
        await task


async def test_cancel_stops_nobody_else(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    comfy.script = until_stopped_script
    mine = start_following(backend, prompt_id, graph)
    theirs = start_following(backend, OTHER, graph)
    await eventually(lambda: len(comfy.running) == 2)

    assert await backend.cancel(prompt_id) is CancelOutcome.CANCELLED
    with pytest.raises(RunInterrupted):
        await mine
    assert not theirs.done()
    assert OTHER not in comfy.stopped
