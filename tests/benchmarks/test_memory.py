"""What the benchmark of memory looks at; how much there was is nobody's verdict."""

import sys

import pytest

from benchmarks.memory import measure
from benchmarks.scale import Scale
from benchmarks.whole_bot.programs import Program
from benchmarks.whole_bot.stage import Setting, open_stage

QUICK = Scale(steps=2, step_ms=0.0, preview_kb=1.0, result_mb=0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_memory_is_looked_at_before_and_after_the_generations(capsys):
    async with open_stage(Program.SQLITE, Setting(QUICK), None) as stage:
        before = stage.generations
        figures = await measure(stage, 3)
    assert [made for made, _ in figures] == [0, 3]
    assert all(resident_mb > 50 for _, resident_mb in figures)
    assert stage.generations - before == 3
    assert capsys.readouterr().out == f"3 generations: {figures[-1][1]:.0f} MB\n"
