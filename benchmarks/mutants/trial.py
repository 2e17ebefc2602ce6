"""Run the tests of a module on a copy of the checkout, changed or not."""

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from benchmarks.mutants.mutations import Mutant

CONVERTING = "tests/workflows/convert --ignore=tests/workflows/convert/test_malformed.py"
"""Without files that nobody saved so: they take longest, and ask only for no other error."""

FOLLOWING = "tests/comfy/test_races.py tests/comfy/test_settles.py"

SCHEDULING = "tests/generation/line/test_schedule.py tests/generation/line/test_dispatcher.py"

ACCEPTING = "tests/generation/requests tests/generation/moderation"

MODULES = {
    "bot/permissions.py": "tests/bot/test_permissions.py",
    "bot/replies/live.py": "tests/bot/replies/test_live.py tests/bot/replies/test_sender.py",
    "bot/replies/live_views.py": "tests/bot/replies/test_live_views.py",
    "comfy/submission.py": (
        f"{FOLLOWING} tests/comfy/test_run.py tests/comfy/test_contract.py"
        " tests/comfy/test_partner_nodes.py"
    ),
    "comfy/watchdog.py": f"tests/comfy/test_watchdog.py {FOLLOWING}",
    "db/repositories/charges.py": "tests/db/repositories tests/generation/quota",
    "db/repositories/policies.py": "tests/db/repositories tests/generation/quota",
    "generation/backends/members.py": "tests/generation/backends",
    "generation/backends/pool.py": "tests/generation/backends",
    "generation/line/schedule.py": SCHEDULING,
    "generation/moderation/blocks.py": "tests/generation/moderation tests/generation/requests",
    "generation/moderation/image_filter.py": (
        "tests/generation/moderation/test_image_filter.py"
        " tests/generation/moderation/test_image_hashes.py"
    ),
    "generation/moderation/image_policy.py": "tests/generation/moderation",
    "generation/moderation/preview_filter.py": "tests/generation/moderation/test_image_filter.py",
    "generation/moderation/review_sheets.py": "tests/generation/moderation",
    "generation/moderation/word_filter.py": "tests/generation/moderation/test_word_filter.py",
    "generation/quota/periods.py": "tests/generation/quota/test_periods.py",
    "generation/quota/policy.py": "tests/generation/quota/test_policy.py",
    "generation/quota/rules.py": (
        "tests/generation/quota/test_rules.py tests/generation/quota/test_policy.py"
    ),
    "generation/requests/acceptance.py": ACCEPTING,
    "generation/requests/access.py": ACCEPTING,
    "generation/requests/checking.py": ACCEPTING,
    "generation/runs/failures.py": "tests/generation/runs/test_failures.py",
    "generation/runs/progress.py": "tests/generation/runs/test_progress.py",
    "workflows/convert/export.py": CONVERTING,
    "workflows/convert/flattening.py": CONVERTING,
    "workflows/convert/groups.py": CONVERTING,
    "workflows/convert/promotion.py": CONVERTING,
    "workflows/convert/widgets.py": CONVERTING,
    "workflows/convert/wiring.py": CONVERTING,
    "workflows/infer/numbers.py": "tests/workflows/infer tests/workflows/test_flaws.py",
    "workflows/infer/prompt_groups.py": "tests/workflows/infer tests/workflows/test_flaws.py",
    "workflows/infer/shapes.py": "tests/workflows/infer tests/workflows/test_sizes.py",
    "workflows/infer/prompts.py": "tests/workflows/infer tests/workflows/test_flaws.py",
}
"""Modules that decide something, and the tests that have to notice a change of each."""

IMPORTED = ["aiohttp", "dbos", "discord", "hypothesis", "PIL.Image", "pytest", "sqlalchemy"]
"""Once for all runs: they are most of what a run of a few tests would wait for."""

OPTIONS = (
    *("-x", "-q", "-p", "no:cacheprovider"),
    # What is imported already has no assertions of ours.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)

TIMEOUT_S = 300.0
"""For the tests of one mutant; one that they never end with was noticed."""


def lives(copy: Path, path: str, mutant: Mutant) -> bool:
    """Whether the tests pass with this mutant in the place of its module."""
    original = (copy / path).read_bytes()
    (copy / path).write_text(mutant.source, encoding="utf-8")
    try:
        return passes(copy, path)
    finally:
        (copy / path).write_bytes(original)


def passes(copy: Path, path: str) -> bool:
    """Run the tests of a module in a process of their own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    process = context.Process(target=_test, args=(str(copy), MODULES[path].split()))
    process.start()
    process.join(TIMEOUT_S)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode == 0


def _test(folder: str, tests: list[str]) -> None:
    """Run tests up to the first failure; the entry point of each process."""
    os.chdir(folder)
    sys.path[:0] = [folder]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    sys.exit(pytest.main([*OPTIONS, *tests]))
