"""The smallest benchmark, for its counts: they are exact. Timing is nobody's verdict here."""

import sys
from pathlib import Path

import pytest

from benchmarks import adapter, peers
from benchmarks.processes import MeasurementFailed, measure, running_backends
from benchmarks.scale import Scale, full_grid, vary_each

PYTHON = Path(sys.executable)
SMALL = Scale(jobs=6, steps=3, preview_kb=2.0, result_mb=0.01, step_ms=0.0)


def test_every_job_gets_its_own_picture_for_two_requests():
    measured = adapter.compare({"floor": PYTHON, "limner": PYTHON}, SMALL, rounds=1)
    (floor,), (ours,) = measured["floor"], measured["limner"]
    assert (floor.right, ours.right) == (6, 6)
    # One POST and one download a job, and one socket for all of them.
    assert floor.requests == pytest.approx(2 + 1 / 6)
    assert ours.requests <= floor.requests
    assert ours.connections <= 8 / 6 + 1 / 6
    assert ours.previews > 0


def test_two_backends_share_the_jobs():
    scale = Scale(jobs=4, steps=2, preview_kb=0.0, result_mb=0.01, backends=2, step_ms=0.0)
    with running_backends(scale) as urls:
        ours = measure(PYTHON, "limner", urls, scale)
    assert len(set(urls)) == 2
    assert (ours.right, ours.previews) == (4, 0)
    assert ours.requests == pytest.approx(2 + 2 / 4)


def test_a_measurement_without_a_backend_says_why_it_failed():
    with pytest.raises(MeasurementFailed, match="refused"):
        measure(PYTHON, "limner", ["http://127.0.0.1:9"], SMALL)


def test_a_client_whose_library_is_missing_is_named_with_the_reason(tmp_path):
    (tmp_path / "needs_a_peer.py").write_text("import no_such_library\n")
    obstacle = peers.find_obstacle(PYTHON, "needs_a_peer", tmp_path)
    assert obstacle == "ModuleNotFoundError: No module named 'no_such_library'"
    (tmp_path / "needs_nothing.py").write_text("")
    assert peers.find_obstacle(PYTHON, "needs_nothing", tmp_path) is None


def test_every_compared_client_has_its_module():
    folder = Path(adapter.__file__).parent / "clients"
    for where in adapter.CLIENTS.values():
        module = where.partition(":")[0]
        assert (folder / f"{module.rpartition('.')[2]}.py").is_file()


def test_the_grids_cover_every_dimension():
    base = Scale()
    assert len(list(full_grid(base))) == 3 * 2 * 2 * 3 * 2
    varied = list(vary_each(base))
    assert varied[0] == base
    assert len(varied) == 1 + 2 + 1 + 1 + 2 + 1
