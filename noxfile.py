"""The steps that a change must pass, for people, for pre-commit and for `.ci/run` alike.

They run in the environment that nox itself is in, whose versions requirements-dev.txt pins:
`.venv/bin/nox` runs all of them, `.venv/bin/nox --tags check` those before the tests, and
`.venv/bin/nox --session tests -- tests/bot` some tests.
"""

import os
import shutil
import sysconfig
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "none"

UV = os.environ.get("UV", "uv")
"""`uv run` names itself there."""

PATH = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
"""The programs of this environment first: it need not be activated."""


def run(
    session: nox.Session, program: str, *arguments: str, env: dict[str, str | None] | None = None
) -> None:
    """Run a program of this environment."""
    session.run(shutil.which(program, path=PATH) or program, *arguments, env=env)


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
    with tempfile.TemporaryDirectory() as folder:
        address: dict[str, str | None] = {"DATABASE_URL": f"sqlite:///{Path(folder, 'check.db')}"}
        run(session, "alembic", "upgrade", "head", env=address)
        run(session, "alembic", "check", env=address)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests; arguments after `--` go to pytest."""
    run(session, "pytest", *session.posargs)


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Build what a release uploads into dist/, and play the demo from the wheel alone."""
    folder = Path(session.create_tmp()).resolve()
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    shutil.rmtree("dist", ignore_errors=True)
    session.run(UV, "build", "--quiet", "--out-dir", "dist")
    (wheel,) = Path("dist").glob("*.whl")
    session.run(UV, "venv", "--quiet", "--clear", str(folder / "venv"))
    session.run(UV, "pip", "install", "--quiet", "--python", str(python), str(wheel))
    # Outside of the checkout, whose packages would be imported instead of the installed ones.
    with session.chdir(folder):
        session.run(str(python), "-P", "-m", "bot", "demo", "--script", "--out", "pictures")


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the pages of docs/ as a website into dist/site; a warning is an error."""
    session.run(UV, "tool", "run", "--with", "mkdocs-material>=9.8,<10", "mkdocs", "build")
