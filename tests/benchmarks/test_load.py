"""What the benchmarks of whole programs count; how long things took is nobody's verdict."""

import asyncio
import time

import pytest

from benchmarks.clients.limner import LimnerClient
from benchmarks.line import measure_acceptance, measure_together
from benchmarks.load import run_at_once
from benchmarks.measurement import LoopWatch
from benchmarks.pictures import ResultPicture
from benchmarks.processes import ask_report, running_backends
from benchmarks.resident import peak_mb, resident_mb
from benchmarks.run import build_graph
from benchmarks.saturation import idle_share, post_straight, submit_all
from benchmarks.scale import Scale
from benchmarks.service import build_request, open_service
from benchmarks.worker import Job

SMALL = Scale(jobs=4, steps=2, preview_kb=1.0, result_mb=0.01, step_ms=0.0)


async def eventually(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)


def test_idle_is_what_is_between_the_runs_of_each_backend():
    busy = {"started_at": {"a": 0.0, "b": 5.0}, "success_at": {"a": 5.0, "b": 10.0}}
    half = {"started_at": {"c": 2.0}, "success_at": {"c": 7.0}}
    assert idle_share([busy]) == 0.0
    assert idle_share([busy, half]) == pytest.approx(0.25)


def test_a_run_that_has_no_end_yet_counts_as_nothing():
    report = {"started_at": {"a": 0.0, "b": 4.0}, "success_at": {"a": 4.0}}
    assert idle_share([report]) == 0.0


async def test_the_watch_sees_a_loop_that_stands_still():
    watch = LoopWatch()
    watching = asyncio.create_task(watch.watch())
    await asyncio.sleep(0)
    time.sleep(0.05)  # noqa: ASYNC251 - what is to be seen
    await eventually(lambda: watch.delays_ms)
    watching.cancel()
    assert watch.delays_ms[0] >= 40


async def test_never_more_than_wanted_run_at_once():
    names = [f"job-{number}" for number in range(5)]
    picture = ResultPicture.of_size(10_000)
    jobs = [Job(name, build_graph(name, 2), picture) for name in names]
    most = running = 0

    class Counting(LimnerClient):
        async def run(self, job):
            nonlocal most, running
            running += 1
            most = max(most, running)
            try:
                return await super().run(job)
            finally:
                running -= 1

    with running_backends(SMALL) as urls:
        client = Counting(urls[0])
        await client.open()
        deliveries = await run_at_once([client], jobs, 2)
        await client.close()
    assert most == 2
    assert sorted(one.job for one in deliveries if one.is_right) == names


def test_memory_is_told_in_megabytes():
    assert 5 < resident_mb() <= peak_mb() * 1.05


async def test_the_same_graphs_straight_and_through_the_whole_service():
    with running_backends(SMALL) as urls:
        straight = await post_straight(urls, SMALL)
        assert straight.wall_s > 0
        async with open_service(urls) as (service, clock):
            await submit_all(urls, service, clock, SMALL)
            report = ask_report(urls[0])
        assert clock.failures == {}
    assert set(report["posted_at"]) == set(report["success_at"]) == set(clock.ended_at)
    assert len(clock.ended_at) == 4


def test_people_are_spread_over_guilds():
    guilds = {build_request("job", person, 2).requester.guild_id for person in range(80)}
    assert guilds == {1, 2}


async def test_the_line_is_measured_on_its_own():
    with running_backends(SMALL) as urls:
        assert await measure_acceptance(urls, None, "alone", 4) > 0


async def test_processes_share_one_line(postgres_url):
    with running_backends(SMALL) as urls:
        assert await measure_together(urls, postgres_url, 2, 4) > 0
