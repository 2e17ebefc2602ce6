"""Change modules that decide something, one place at a time, and see whether their tests notice.

`python -m benchmarks.mutants [--count N] [--seed N] [--only PART]` tries a sample, drawn alike from
the same seed, on a copy of the checkout. It prints what lived, and how many were caught of all: a
change that nobody can see counts as lived.
"""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.mutants.mutations import mutate
from benchmarks.mutants.trial import MODULES, lives, passes

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Try a sample and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    parser.add_argument("--count", type=int, default=270)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of a module's path")
    options = parser.parse_args()
    every = [
        (path, mutant)
        for path in MODULES
        if options.only in path
        for mutant in mutate((ROOT / path).read_text(encoding="utf-8"))
    ]
    sample = random.Random(options.seed).sample(every, min(options.count, len(every)))  # noqa: S311 - repeatable on purpose
    with tempfile.TemporaryDirectory(prefix="limner-mutants-") as name:
        copy = Path(name) / "checkout"
        left_out = shutil.ignore_patterns(".*", "__pycache__", "node_modules")
        shutil.copytree(ROOT, copy, ignore=left_out)
        by_tests = {MODULES[path]: path for path, _ in sample}
        if unready := [tests for tests, path in by_tests.items() if not passes(copy, path)]:
            sys.exit(f"Tests fail without any change: {', '.join(sorted(unready))}")
        lived = 0
        for path, mutant in sample:
            if lives(copy, path, mutant):
                lived += 1
                print(f"{path}:{mutant.line}: {mutant.before!r} -> {mutant.after!r}", flush=True)  # noqa: T201 - the result
    caught = len(sample) - lived
    print(f"{caught} of {len(sample)} caught: {caught / max(len(sample), 1):.0%}")  # noqa: T201 - the result


if __name__ == "__main__":
    main()
