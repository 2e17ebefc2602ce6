"""The steps that a change must pass, for people, for pre-commit and for `.ci/run` alike.

They run in the environment that nox itself is in, whose versions requirements-dev.txt pins:
`.venv/bin/nox` runs all of them, `.venv/bin/nox --tags check` those before the tests, and
`.venv/bin/nox --session tests -- tests/bot` some tests.
"""

import os
import shutil
import sys
import sysconfig

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "none"

PATH = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
"""The programs of this environment first: it need not be activated."""


def run(session: nox.Session, program: str, *arguments: str) -> None:
    """Run a program of this environment."""
    session.run(shutil.which(program, path=PATH) or program, *arguments)


@nox.session(tags=["check", "commit"])
def formatting(session: nox.Session) -> None:
    """Formatting, by ruff."""
    run(session, "ruff", "format", "--check", ".")


@nox.session(tags=["check", "commit"])
def lint(session: nox.Session) -> None:
    """Lint, by ruff."""
    run(session, "ruff", "check", ".")


@nox.session(tags=["check", "commit"])
def types(session: nox.Session) -> None:
    """Types, by mypy."""
    run(session, "mypy")


@nox.session(tags=["check", "commit"])
def imports(session: nox.Session) -> None:
    """The contracts between the packages, by import-linter."""
    run(session, "lint-imports")


@nox.session(tags=["check"])
def migrations(session: nox.Session) -> None:
    """Whether the migrations make the tables that the code declares."""
    session.run(sys.executable, "-m", "db.migrations", "check")


@nox.session
def tests(session: nox.Session) -> None:
    """The tests; arguments after `--` go to pytest."""
    run(session, "pytest", *session.posargs)
