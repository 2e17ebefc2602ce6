"""Accepted work runs once or ends in a stated failure, whatever is lost on the way."""

from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from comfy.api_v2.job_store import MemoryJobStore
from comfy.backend import CancelOutcome
from comfy.errors import (
    BackendUnavailable,
    BackendUnreachable,
    GraphRejected,
    OutcomeUnknown,
    RunInterrupted,
)
from comfy.protocol.events import Submitted, Succeeded
from tests.support.comfy_api_service import Refusal


async def test_one_key_and_one_label_for_one_prompt_id(service, connect, follow, graph, prompt_id):
    async with connect(service) as backend:
        events = await follow(backend, prompt_id, graph, is_new=True)

    (job,) = service.jobs.values()
    assert events[0] == Submitted(prompt_id, was_known=False)
    assert job.key == prompt_id
    assert job.body["metadata"] == {"limner": prompt_id}


async def test_it_is_recorded_before_it_is_sent(service, connect, follow, graph, prompt_id):
    posted = []

    class Watched(MemoryJobStore):
        async def remember_sending(self, prompt_id, at):
            posted.append(len(service.posted_keys))
            await super().remember_sending(prompt_id, at)

    async with connect(service, kept=Watched()) as backend:
        await follow(backend, prompt_id, graph, is_new=True)
    assert posted == [0]


@pytest.mark.parametrize("hidden", [0, 3])
async def test_a_lost_answer_is_looked_up_by_its_label(
    service, connect, follow, graph, prompt_id, store, hidden
):
    service.submissions = ["lose"]
    service.hidden_lists = hidden
    async with connect(service) as backend:
        events = await follow(backend, prompt_id, graph, is_new=True)

    (job,) = service.jobs.values()
    assert isinstance(events[-1], Succeeded)
    assert service.posted_keys == [prompt_id]
    assert (await store.find(prompt_id)).job_id == job.id


async def test_a_submission_that_did_not_arrive_is_sent_again_with_its_key(
    service, connect, follow, graph, prompt_id
):
    service.submissions = ["drop"]
    async with connect(service) as backend:
        events = await follow(backend, prompt_id, graph, is_new=True)

    assert isinstance(events[-1], Succeeded)
    assert service.posted_keys == [prompt_id, prompt_id]
    assert len(service.jobs) == 1


async def test_a_key_that_was_used_is_looked_for_until_it_is_listed(
    service, connect, follow, graph, prompt_id
):
    service.submissions = ["lose"]
    service.hidden_lists = 30
    async with connect(service) as backend:
        assert isinstance((await follow(backend, prompt_id, graph))[-1], Succeeded)

    assert len(service.jobs) == 1
    assert set(service.posted_keys) == {prompt_id}


async def test_a_service_that_forgets_labels_ends_in_a_stated_failure(
    service, connect, follow, graph, prompt_id
):
    service.submissions = ["lose"]
    service.forgets_labels = True
    async with connect(service) as backend:
        with pytest.raises(OutcomeUnknown, match="may have run it"):
            await follow(backend, prompt_id, graph)

    assert len(service.jobs) == 1
    assert service.posted_keys == [prompt_id, prompt_id]


async def test_where_nothing_is_listed_the_key_says_that_it_ran(
    cloud, connect, follow, graph, prompt_id
):
    cloud.submissions = ["lose"]
    async with connect(cloud) as backend:
        with pytest.raises(OutcomeUnknown, match="may have run it"):
            await follow(backend, prompt_id, graph)

    assert len(cloud.jobs) == 1
    assert cloud.posted_keys == [prompt_id, prompt_id]


async def test_where_nothing_is_listed_the_key_says_that_it_did_not(
    cloud, connect, follow, graph, prompt_id
):
    cloud.submissions = ["drop"]
    async with connect(cloud) as backend:
        assert isinstance((await follow(backend, prompt_id, graph))[-1], Succeeded)

    assert len(cloud.jobs) == 1


async def test_where_nothing_is_listed_a_second_lost_answer_is_the_last(
    cloud, connect, follow, graph, prompt_id
):
    cloud.submissions = ["drop", "drop"]
    async with connect(cloud) as backend:
        with pytest.raises(OutcomeUnknown):
            await follow(backend, prompt_id, graph)

    assert not cloud.jobs
    assert cloud.posted_keys == [prompt_id, prompt_id]


@pytest.mark.parametrize("hours", [22, 24])
async def test_a_key_is_not_sent_again_after_23_hours(
    cloud, connect, follow, graph, prompt_id, store, hours
):
    await store.remember_sending(prompt_id, datetime.now(UTC) - timedelta(hours=hours))
    async with connect(cloud) as backend:
        if hours < 23:
            assert isinstance((await follow(backend, prompt_id, graph))[-1], Succeeded)
        else:
            with pytest.raises(OutcomeUnknown):
                await follow(backend, prompt_id, graph)

    assert len(cloud.posted_keys) == (hours < 23)


@pytest.mark.parametrize("plan", ["take", "lose", "drop"])
async def test_killed_between_submission_and_note(
    service, connect, follow, graph, prompt_id, store, plan
):
    service.submissions = [plan]
    async with connect(service, kept=_Dying(store)) as backend:
        with pytest.raises((_Killed, OutcomeUnknown)):
            await follow(backend, prompt_id, graph, is_new=True)
    assert (await store.find(prompt_id)).job_id is None

    async with connect(service) as another:
        events = await follow(another, prompt_id, graph)
    assert isinstance(events[-1], Succeeded)
    assert len(service.jobs) == 1


async def test_killed_after_the_note_it_is_attached_to(
    service, connect, follow, graph, prompt_id, store
):
    service.holds = True
    async with connect(service) as backend, aclosing(backend.run(graph, prompt_id)) as events:
        await anext(events)

    for job in service.jobs.values():
        job.may_end.set()
    async with connect(service) as another:
        events = await follow(another, prompt_id, graph)
    assert events[0] == Submitted(prompt_id, was_known=True)
    assert isinstance(events[-1], Succeeded)
    assert len(service.posted_keys) == 1


REFUSALS = [
    Refusal(402, "insufficient_credits"),
    Refusal(422, "deployment_stopped"),
    Refusal(422, "invalid_workflow"),
    Refusal(422, "missing_asset"),
    Refusal(401, "unauthorized"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.code)
async def test_an_answer_that_nothing_ran_leaves_no_trace(
    service, connect, follow, graph, prompt_id, store, refusal
):
    service.submissions = [refusal]
    async with connect(service) as backend:
        with pytest.raises((BackendUnavailable, GraphRejected)) as caught:
            await follow(backend, prompt_id, graph, is_new=True)

    assert str(caught.value).endswith(".")
    assert await store.find(prompt_id) is None


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.code)
async def test_a_refusal_after_a_lost_answer_proves_nothing(
    cloud, connect, follow, graph, prompt_id, refusal
):
    cloud.submissions = ["lose", refusal]
    async with connect(cloud) as backend:
        with pytest.raises(OutcomeUnknown):
            await follow(backend, prompt_id, graph)


async def test_nobody_there_means_that_nothing_was_sent(connect, follow, graph, prompt_id, store):
    class Nobody:
        url = "http://127.0.0.1:1"

    async with connect(Nobody) as backend:
        with pytest.raises(BackendUnreachable):
            await follow(backend, prompt_id, graph, is_new=True)
    assert await store.find(prompt_id) is None


@pytest.mark.parametrize("code", ["queue_full", "deployment_not_ready", "rate_limited"])
async def test_later_is_waited_for_and_asked_again(
    service, connect, follow, graph, prompt_id, code
):
    service.submissions = [Refusal(429, code, retry_after=0), Refusal(429, code, retry_after=1)]
    async with connect(service) as backend:
        assert isinstance((await follow(backend, prompt_id, graph))[-1], Succeeded)
    assert service.posted_keys == [prompt_id] * 3


async def test_later_for_ever_gives_the_work_back(
    service, connect, follow, graph, prompt_id, store
):
    service.submissions = [Refusal(429, "queue_full", retry_after=60)] * 1000
    async with connect(service) as backend:
        with pytest.raises(BackendUnavailable, match="full queue") as caught:
            await follow(backend, prompt_id, graph)
    assert caught.value.code == "queue_full"
    assert await store.find(prompt_id) is None


async def test_a_service_that_goes_away_is_waited_for(
    service, connect, start_following, graph, prompt_id, eventually
):
    service.holds = True
    service.events = "501"
    async with connect(service) as backend:
        task = start_following(backend, prompt_id, graph)
        (job,) = await eventually(
            lambda: [j for j in service.jobs.values() if j.status != "queued"]
        )
        service.is_away = True
        asked = len(service.requests)
        await eventually(lambda: len(service.requests) > asked + 2 and not backend.is_reachable)
        job.may_end.set()
        service.is_away = False
        assert isinstance((await task)[-1], Succeeded)
    assert len(service.posted_keys) == 1


async def test_a_job_that_is_not_known_any_more_is_no_reason_to_send_it_again(
    service, connect, follow, graph, prompt_id, store
):
    await store.remember_sending(prompt_id, datetime.now(UTC))
    await store.remember_job(prompt_id, "gone")
    async with connect(service) as backend:
        with pytest.raises(OutcomeUnknown, match="no longer knows"):
            await follow(backend, prompt_id, graph)
    assert not service.posted_keys


async def test_a_cancelled_job_is_stopped_by_another_process(
    service, connect, start_following, graph, prompt_id, eventually
):
    service.holds = True
    async with connect(service) as backend, connect(service) as another:
        task = start_following(backend, prompt_id, graph, is_new=True)
        await eventually(lambda: service.jobs)
        assert await another.cancel(prompt_id) is CancelOutcome.CANCELLED
        with pytest.raises(RunInterrupted):
            await task
        assert await another.cancel(prompt_id) is CancelOutcome.CANCELLED


async def test_a_lost_job_is_cancelled_by_its_label(service, connect, graph, prompt_id):
    service.holds = True
    async with connect(service) as backend, aclosing(backend.run(graph, prompt_id)) as events:
        await anext(events)
    forgetful = MemoryJobStore()
    await forgetful.remember_sending(prompt_id, datetime.now(UTC))
    async with connect(service, kept=forgetful) as backend:
        assert await backend.cancel(prompt_id) is CancelOutcome.CANCELLED


class _Killed(Exception):
    pass


class _Dying:
    """A store whose process is killed before it can note a job."""

    def __init__(self, store):
        self.find, self.forget = store.find, store.forget
        self.remember_sending = store.remember_sending

    async def remember_job(self, prompt_id, job_id):
        raise _Killed
