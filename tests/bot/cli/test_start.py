"""`--version`, `--help` and completion import the command line and click, and nothing else."""

import os
import subprocess
import sys

import pytest

from bot.app import Role
from bot.cli import moderation_commands
from bot.cli.history_commands import FORMATS, STATES
from bot.cli.main import ROLES
from bot.replies.moderation import blocking
from generation.history.export import ExportFormat
from generation.record import GenerationState

OWN_PACKAGES = {"bot", "comfy", "db", "generation", "sandbox", "workflows"}
COMMAND_LINE = {
    "bot",
    "bot.cli",
    "bot.cli.completion",
    "bot.cli.credentials_commands",
    "bot.cli.database_commands",
    "bot.cli.history_commands",
    "bot.cli.invocation",
    "bot.cli.main",
    "bot.cli.moderation_commands",
    "bot.cli.service_commands",
    "bot.cli.workflows",
    "bot.cli.workflows.commands",
}
UNLISTED = "_missing_stdlib_info"
"""A module of the standard library from Python 3.15 on, which its list of modules lacks."""

RUN = """
import atexit, runpy, sys

atexit.register(lambda: print("modules:", *sys.modules, file=sys.stderr))
sys.argv[0] = "limner"
runpy.run_module("bot", run_name="__main__")
"""


def run(*arguments, **environment):
    """Run the program; its standard output, and the modules that it imported beside its own."""
    result = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, **environment},
    )
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("modules:")]
    return result.stdout, set(line.split()[1:])


@pytest.fixture(scope="module")
def with_click_alone():
    code = "import click, sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", code], encoding="utf-8").split())  # noqa: S603 - our own words


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["--version"], {}, "limner, version"),
        (["--help"], {}, "Run the bot."),
        (["run", "--help"], {}, "[all|bot|worker]"),
        (["workflows", "--help"], {}, "survey"),
        (["history", "export", "--help"], {}, "spreadsheets"),
        (["completion", "zsh"], {}, "_LIMNER_COMPLETE=zsh_complete"),
        (
            [],
            {
                "_LIMNER_COMPLETE": "bash_complete",
                "COMP_WORDS": "limner history export --sta",
                "COMP_CWORD": "3",
            },
            "plain,--status",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_runs_nothing_imports_click_alone(arguments, environment, expected, with_click_alone):
    output, modules = run(*arguments, **environment)
    assert expected in output
    tops = {module.partition(".")[0] for module in modules - with_click_alone}
    assert {module for module in modules if module.partition(".")[0] in OWN_PACKAGES} == (
        COMMAND_LINE
    )
    assert tops - OWN_PACKAGES <= sys.stdlib_module_names | {"click", UNLISTED}


def test_choices_are_the_values_they_stand_for():
    assert list(ROLES) == [role.value for role in Role]
    assert moderation_commands.DAYS_BLOCKED == blocking.MAX_DAYS
    assert list(FORMATS) == [kind.value for kind in ExportFormat]
    assert list(STATES) == [state.value for state in GenerationState]
