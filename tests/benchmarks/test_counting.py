import asyncio
import math

import pytest

from benchmarks.client import Job
from benchmarks.measurement import (
    Delivery,
    Measurement,
    build_measurement,
    quantile,
    ratio,
    summarize,
)
from benchmarks.pictures import ResultPicture
from benchmarks.table import build_table
from benchmarks.worker import run_jobs


def measurement(**figures):
    defaults = {
        "client_cpu_ms": 4.0,
        "server_cpu_ms": 5.0,
        "requests": 2.0,
        "connections": 0.5,
        "p50_ms": 3.0,
        "p95_ms": 6.0,
        "memory_mb": 50.0,
        "steps": 20.0,
        "previews": 20.0,
        "right": 24,
        "jobs": 24,
    }
    return Measurement(**(defaults | figures))


def delivery(job, received_at, *, is_right=True, steps=0, previews=0):
    return Delivery(job, received_at, is_right, steps, previews)


def report(**counted):
    return {"requests": 0, "connections": 0, "cpu_s": 0.0, "success_at": {}} | counted


def test_counts_of_all_backends_are_shared_out_among_the_jobs():
    reports = [
        report(requests=5, connections=2, cpu_s=0.1, success_at={"a": 10.0}),
        report(requests=3, connections=2, cpu_s=0.3, success_at={"b": 20.0}),
    ]
    deliveries = [delivery("a", 10.5, steps=20, previews=10), delivery("b", 20.25, steps=10)]
    counted = build_measurement(deliveries, reports, cpu_s=0.5, memory_mb=40.0, jobs=2)
    assert counted == Measurement(
        client_cpu_ms=250.0,
        server_cpu_ms=200.0,
        requests=4.0,
        connections=2.0,
        p50_ms=250.0,
        p95_ms=500.0,
        memory_mb=40.0,
        steps=15.0,
        previews=5.0,
        right=2,
        jobs=2,
    )


def test_a_wrong_or_missing_result_is_not_counted_as_right_nor_as_quick():
    reports = [report(success_at={"a": 10.0, "b": 10.0, "c": 10.0})]
    deliveries = [delivery("a", 10.5), delivery("b", 10.001, is_right=False)]
    counted = build_measurement(deliveries, reports, cpu_s=1.0, memory_mb=1.0, jobs=3)
    assert (counted.right, counted.jobs) == (1, 3)
    assert counted.p50_ms == 500.0


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([3.0], 0.5, 3.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0), (list(range(1, 101)), 0.95, 95)],
)
def test_a_quantile_is_the_smallest_value_that_the_share_does_not_exceed(values, share, expected):
    assert quantile(values, share) == expected


def test_no_values_have_no_quantile():
    assert math.isnan(quantile([], 0.5))


def test_rounds_are_summed_up_by_their_median_and_the_worst_count_of_right_results():
    rounds = [
        measurement(client_cpu_ms=9.0, right=24),
        measurement(client_cpu_ms=4.0, right=23),
        measurement(client_cpu_ms=5.0, right=24),
    ]
    total = summarize(rounds)
    assert (total.client_cpu_ms, total.right) == (5.0, 23)


def test_ratios_are_taken_within_a_round():
    """A round in which the machine was twice as slow is slow for both."""
    floor = [measurement(client_cpu_ms=4.0), measurement(client_cpu_ms=8.0)]
    ours = [measurement(client_cpu_ms=5.0), measurement(client_cpu_ms=10.0)]
    assert ratio(ours, floor, "client_cpu_ms") == 1.25


def test_the_table_has_a_line_for_each_client_with_ratio_and_figure():
    lines = list(build_table({"floor": [measurement()], "other": [measurement(requests=5.0)]}))
    head, _, _, other = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines)
    row = dict(zip(head, other, strict=True))
    assert row["client"] == "other"
    assert row["right"] == "24/24"
    assert row["requests/job"] == "2.5x (5)"
    assert row["CPU ms/job"] == "1x (4)"


class FakeClient:
    """Delivers every job but one that fails and one that never ends."""

    def __init__(self, url):
        self.url = url
        self.is_open = False

    async def open(self):
        self.is_open = True

    async def run(self, job):
        assert self.is_open
        if job.name == "job-1":
            raise RuntimeError("no luck")
        if job.name == "job-2":
            await asyncio.Event().wait()
        return delivery(job.name, 1.0)

    async def close(self):
        self.is_open = False

    def helper_cpu_seconds(self):
        return 0.25


async def test_a_job_that_fails_or_never_ends_is_left_out_and_the_others_count(capsys):
    picture = ResultPicture.of_size(100)
    jobs = [Job(f"job-{number}", {}, picture) for number in range(4)]
    deliveries, more_cpu_s = await run_jobs(FakeClient, ["a", "b"], jobs, 0.05)
    assert [one.job for one in deliveries] == ["job-0", "job-3"]
    assert more_cpu_s == 0.5
    assert "2 jobs failed" in capsys.readouterr().err
