"""What the benchmark of the whole bot counts; how long things took is nobody's verdict."""

import multiprocessing
import os

import pytest
import pytest_asyncio

from benchmarks import process_tree
from benchmarks.scale import Scale
from benchmarks.whole_bot.cells import CELLS, measure_alone, measure_together, plan
from benchmarks.whole_bot.programs import Program
from benchmarks.whole_bot.report import ROWS, build_table, summarize
from benchmarks.whole_bot.stage import Setting, open_stage
from tests.support.processes import spend_cpu

QUICK = Scale(steps=2, step_ms=0.0, preview_kb=1.0, result_mb=0.01)


def test_what_a_process_started_counts_once_it_ended():
    before = process_tree.cpu_seconds([os.getpid()])
    child = multiprocessing.get_context("spawn").Process(target=spend_cpu)
    child.start()
    child.join()
    assert process_tree.cpu_seconds([os.getpid()]) >= before + 0.1


def test_what_a_process_started_counts_while_it_runs():
    alone = process_tree.resident_mb([os.getpid()])
    context = multiprocessing.get_context("spawn")
    release = context.Event()
    child = context.Process(target=release.wait)
    child.start()
    try:
        assert process_tree.resident_mb([os.getpid()]) > alone
    finally:
        release.set()
        child.join()


def test_what_two_cells_need_is_measured_once():
    setting = CELLS["start"].setting
    assert plan(["start", "picture"], Program.SQLITE) == {setting: [measure_alone]}
    assert plan(["cpu", "together"], Program.SQLITE) == {setting: [measure_alone, measure_together]}


def test_the_floor_is_measured_where_it_is_compared():
    assert plan(["idle", "running"], Program.FLOOR) == {}
    assert plan(["idle", "together"], Program.FLOOR) == {CELLS["idle"].setting: [measure_together]}


def test_ratios_are_taken_round_by_round():
    rounds = {
        Program.FLOOR: [{"start_p50_ms": 1.0}, {"start_p50_ms": 10.0}, {"start_p50_ms": 4.0}],
        Program.SQLITE: [{"start_p50_ms": 5.0}, {"start_p50_ms": 50.0}, {"start_p50_ms": 4.0}],
    }
    *_, row = build_table(rounds)
    assert "| 4 / - | 5 / - (5x) |" in row
    start = summarize(rounds)["sqlite"]["start_p50_ms"]
    assert start == {"median": 5.0, "rounds": [5.0, 50.0, 4.0], "ratio": 5.0}


def test_a_round_that_failed_is_left_out():
    rounds = {
        Program.FLOOR: [{"rest_ms": 1.0}, {"rest_ms": 1.0}],
        Program.SQLITE: [{}, {"rest_ms": 40.0}],
    }
    *_, row = build_table(rounds)
    assert "| 1 | 40 |" in row
    assert summarize(rounds)["sqlite"]["rest_ms"]["ratio"] == 40.0


def test_no_figure_is_in_two_rows():
    names = [name for row in ROWS for name in row.figures]
    assert len(names) == len(set(names))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched():
    """The bot that tells what it executes, for all tests of the module: it starts in seconds."""
    async with open_stage(Program.SQLITE, Setting(QUICK, watches_loop=True), None) as stage:
        yield stage


async def test_the_floor_makes_pictures_between_the_stand_ins():
    async with open_stage(Program.FLOOR, Setting(QUICK), None) as stage:
        await assert_makes_pictures(stage)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_bot_makes_pictures_between_the_stand_ins(watched):
    await assert_makes_pictures(watched)


async def assert_makes_pictures(stage):
    ask = await stage.ask(1, "job-1")
    assert ask.is_acknowledged
    await stage.wait_for_pictures([ask], 60)
    started_at = await stage.moments("started_at")
    assert ask.sent_at <= started_at["job-1"]
    assert started_at["job-1"] <= stage.log.pictured_at[ask.interaction_id]
    assert stage.cpu_seconds() > 0
    assert stage.resident_mb() > 20
    assert stage.world.unknown_requests == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_program_tells_what_it_executes(watched):
    (before,) = await watched.reports()
    await watched.wait_for_pictures([await watched.ask(1, "job-2")], 60)
    (after,) = await watched.reports()
    assert after["statements"] > before["statements"] > 0
    assert after["loop_p99_ms"] <= after["loop_worst_ms"]
