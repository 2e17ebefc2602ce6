"""Every change that is made to a module can be seen in its source, and in nothing else."""

import ast
from pathlib import Path

import pytest

from benchmarks.mutants.mutations import mutate
from benchmarks.mutants.trial import MODULES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        ("x = a < b", ["x = (a <= b)"]),
        ("x = a is None or b", ["x = (a is None and b)", "x = (a is not None) or b"]),
        ("x = 'ü' + a", ["x = ('ü' - a)"]),
        ("x = not a", ["x = (a)"]),
        ("x = True", ["x = False"]),
        ("x = a if b else c", ["x = (c if b else a)"]),
        ("x: int = 7", ["x: int = 8"]),
        ("a.close()", ["pass"]),
        ("raise E", ["pass"]),
        ("_log.info('x', 1)", []),
        ("'''Says 1 < 2.'''", []),
        ("import a", []),
    ],
)
def test_a_statement_is_changed_in_each_way_that_a_test_should_notice(statement, changed):
    mutants = mutate(f"# ü\n{statement}\n")
    assert [mutant.source for mutant in mutants] == [f"# ü\n{one}\n" for one in changed]
    assert {mutant.line for mutant in mutants} <= {2}


def test_what_is_returned_is_left_out():
    (mutant,) = mutate("def f(x):\n    return x\n")
    assert mutant.source == "def f(x):\n    return None\n"


def test_false_is_returned_as_true_but_not_as_none_which_is_as_untrue():
    (mutant,) = mutate("def f(x):\n    return False\n")
    assert mutant.source == "def f(x):\n    return True\n"


def test_the_bound_of_a_clock_that_is_never_met_is_left_out():
    source = "now = time.monotonic()\nx = now - a > b + c\ny = a > b\nself.z_at = 0.0\n"
    assert [(one.line, one.after) for one in mutate(source)] == [
        (2, "now + a"),
        (2, "b - c"),
        (3, "a >= b"),
    ]


@pytest.mark.parametrize("path", MODULES)
def test_every_mutant_can_be_compiled_and_has_tests(path):
    mutants = mutate((ROOT / path).read_text(encoding="utf-8"))
    assert mutants
    for mutant in mutants[:: max(len(mutants) // 5, 1)]:
        ast.parse(mutant.source)
    tests = [one.removeprefix("--ignore=") for one in MODULES[path].split()]
    assert all((ROOT / one).exists() for one in tests)
