import asyncio
import dataclasses
import json
from contextlib import aclosing

import pytest

from comfy.errors import RunLost
from comfy.kinds import BackendSettings
from comfy.protocol.events import (
    MediaKind,
    NodeStarted,
    OutputFile,
    OutputsReady,
    Preview,
    Started,
    StepDone,
    Submitted,
    Succeeded,
)
from comfy.server import ComfyServer

PICTURE = OutputFile("9", "a_00001_.png", "", "output", MediaKind.IMAGE)


async def test_a_plain_run_tells_everything_in_order(comfy, backend, follow, prompt_id, graph):
    events = await follow(backend, prompt_id, graph)

    assert events[0] == Submitted(prompt_id, was_known=False)
    assert events[1] == Started(frozenset())
    assert [event.node_id for event in events if isinstance(event, NodeStarted)] == ["4", "3", "9"]
    assert StepDone("3", 3, 3) in events
    assert any(isinstance(event, Preview) and event.node_id == "3" for event in events)
    assert OutputsReady((PICTURE,)) in events
    assert events[-1] == Succeeded((PICTURE,), fully_cached=False)


async def test_a_plain_run_costs_two_requests(comfy, follow, graph):
    async with ComfyServer(BackendSettings(comfy.url)) as backend:
        events = await follow(backend, None, graph)
        await backend.fetch_output(events[-1].outputs[0], max_bytes=1000)

    assert [seen[:2] for seen in comfy.requests if seen[1] != "/ws"] == [
        ("POST", "/prompt"),
        ("GET", "/view"),
    ]


async def test_feature_flags_are_the_first_message(comfy, backend, follow, prompt_id, graph):
    await follow(backend, prompt_id, graph)

    assert json.loads(comfy.first_texts[0])["type"] == "feature_flags"


async def test_previews_can_be_switched_off(comfy, backend, follow, prompt_id, graph):
    await follow(backend, prompt_id, graph, previews=False)

    body = next(seen[2] for seen in comfy.requests if seen[:2] == ("POST", "/prompt"))
    assert body["extra_data"]["preview_method"] == "none"
    assert body["prompt_id"] == prompt_id
    assert body["prompt"] == graph


async def test_a_known_run_is_attached_to_and_not_submitted_again(
    comfy, connect, start_following, follow, eventually, prompt_id, graph
):
    release = asyncio.Event()

    async def script(comfy, queued):
        await comfy.begin(queued)
        await release.wait()
        await comfy.end(queued, {"9": comfy.image()})

    comfy.script = script
    first = await connect()
    async with aclosing(first.run(graph, prompt_id)) as events:
        async for event in events:
            if isinstance(event, Started):
                break
    await first.close()
    await eventually(lambda: not comfy.sockets)

    second = start_following(await connect(), prompt_id, graph)
    await eventually(lambda: len(comfy.sockets) == 1)
    release.set()
    events = await second

    assert events[0] == Submitted(prompt_id, was_known=True)
    assert events[-1] == Succeeded((PICTURE,), fully_cached=False)
    assert comfy.count("POST", "/prompt") == 1
    # It has ended by now, and can still be asked for, without being polled.
    comfy.knows_socket = False
    again = await follow(await connect(tick=600.0), prompt_id, graph)
    assert again == [
        Submitted(prompt_id, was_known=True),
        Succeeded((PICTURE,), fully_cached=False),
    ]


async def test_a_known_run_that_runs_is_said_to_have_started(comfy, connect, prompt_id, graph):
    async def script(comfy, queued):
        await comfy.begin(queued)

    comfy.script, comfy.knows_socket = script, False
    comfy.accept({"prompt_id": prompt_id, "prompt": graph})
    await asyncio.gather(*comfy.tasks)
    backend = await connect(tick=600.0)
    async with asyncio.timeout(20), aclosing(backend.run(graph, prompt_id)) as events:
        assert await anext(events) == Submitted(prompt_id, was_known=True)
        assert await anext(events) == Started(frozenset())


async def test_a_known_run_whose_result_was_sent_to_another_connection_is_lost(
    comfy, connect, follow, prompt_id, graph
):
    async def script(comfy, queued):
        await comfy.begin(queued)
        await comfy.end(queued, {})

    graph["9"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["3", 0]}}
    comfy.script = script
    comfy.accept({"prompt_id": prompt_id, "prompt": graph})
    await asyncio.gather(*comfy.tasks)
    with pytest.raises(RunLost):
        await follow(await connect(tick=600.0), prompt_id, graph)


async def test_many_runs_share_one_socket_and_get_only_their_own(comfy, backend, follow, graph):
    ids = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(6)]

    async def script(comfy, queued):
        await comfy.begin(queued)
        output = comfy.image(f"{queued.id}.png")
        await comfy.executed(queued, "9", **output)
        await comfy.end(queued, {"9": output})

    comfy.script = script
    results = await asyncio.gather(*(follow(backend, one, graph) for one in ids))

    assert [events[-1].outputs[0].filename for events in results] == [f"{one}.png" for one in ids]
    assert len(comfy.every_socket) == 1


async def test_temporary_files_are_left_out_when_there_are_saved_ones(
    comfy, backend, follow, prompt_id, graph
):
    async def script(comfy, queued):
        await comfy.begin(queued)
        await comfy.executed(queued, "8", **comfy.image("t.png", "temp"))
        await comfy.executed(queued, "9", text=["a caption"], **comfy.image())
        await comfy.end(queued, {})

    comfy.script = script
    events = await follow(backend, prompt_id, graph)

    assert [getattr(one, "filename", None) or one.text for one in events[-1].outputs] == [
        "a caption",
        "a_00001_.png",
    ]


async def test_closing_ends_open_runs_and_may_be_done_twice(
    comfy, backend, start_following, eventually, prompt_id, graph
):
    async def script(comfy, queued):
        await comfy.begin(queued)

    comfy.script = script
    task = start_following(backend, prompt_id, graph)
    await eventually(lambda: comfy.running)
    await backend.close()
    await backend.close()

    with pytest.raises(Exception, match="closed"):
        await task


async def test_a_prompt_id_that_is_no_uuid_is_a_mistake_of_ours(backend, graph):
    with pytest.raises(ValueError, match="UUID"):
        await anext(backend.run(graph, "MY-JOB"))


def test_the_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BackendSettings("http://a").url = "http://b"
