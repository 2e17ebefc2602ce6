"""A job is followed by its events where there are any, and by asking where there are none."""

import pytest

from comfy.errors import NodeFailed, OutOfMemory, RunStalled
from comfy.protocol.events import (
    NodeStarted,
    OutputsReady,
    Preview,
    Started,
    StepDone,
    Submitted,
    Succeeded,
)

PREVIEW = Preview("image/jpeg", b"\xff\xd8\xff\xe0", "3")


async def test_events_in_order(service, connect, follow, graph, prompt_id):
    async with connect(service) as backend:
        events = await follow(backend, prompt_id, graph, is_new=True)

    assert events[:5] == [
        Submitted(prompt_id, was_known=False),
        Started(frozenset()),
        NodeStarted("3"),
        StepDone("3", 2, 4),
        PREVIEW,
    ]
    (ready, end) = events[5:]
    assert isinstance(ready, OutputsReady)
    assert end == Succeeded(ready.outputs, fully_cached=False)


@pytest.mark.parametrize("events", ["501", "429", "missing", "silent"])
async def test_without_events_it_is_asked_for(service, connect, follow, graph, prompt_id, events):
    service.events = events
    async with connect(service) as backend:
        told = await follow(backend, prompt_id, graph)
    assert isinstance(told[-1], Succeeded)
    assert told[-1].outputs


async def test_a_service_without_events_is_asked_for_them_once(
    service, connect, start_following, graph, prompt_id, eventually
):
    service.events, service.holds = "501", True
    async with connect(service) as backend:
        task = start_following(backend, prompt_id, graph)
        (job,) = await eventually(lambda: list(service.jobs.values()))
        asked = ("GET", f"/api/v2/jobs/{job.id}")
        await eventually(lambda: service.requests.count(asked) > 3)
        job.may_end.set()
        await task
    assert service.requests.count(("GET", f"/api/v2/jobs/{job.id}/events")) == 1


async def test_previews_can_be_left_away(service, connect, follow, graph, prompt_id):
    async with connect(service) as backend:
        assert PREVIEW not in await follow(backend, prompt_id, graph, previews=False)


@pytest.mark.parametrize(
    ("message", "error"),
    [("Boom in /srv/nodes/x.py", NodeFailed), ("CUDA out of memory.", OutOfMemory)],
)
async def test_a_node_that_fails_is_named(
    service, connect, follow, graph, prompt_id, message, error
):
    service.failure = {"code": "node_execution_error", "message": message, "node_id": "3"}
    service.failure["class_type"] = "KSampler"
    async with connect(service) as backend:
        with pytest.raises(error) as caught:
            await follow(backend, prompt_id, graph)
    assert (caught.value.node_id, caught.value.class_type) == ("3", "KSampler")
    assert "/srv" not in str(caught.value)


async def test_a_job_without_a_sign_of_life_has_stalled(service, connect, follow, graph, prompt_id):
    service.events, service.holds = "501", True
    async with connect(service) as backend:
        with pytest.raises(RunStalled):
            await follow(backend, prompt_id, graph, stall_after_s=0.3)
