"""Virtual environment of the compared clients, on which Limner does not depend."""

import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements-peers.txt")
FOLDER = Path(__file__).with_name(".venv")
"""Created when first needed; delete it to create it again."""

_STAMP = "installed.txt"
_INSTALL_S = 600
_IMPORT_S = 60


def prepare(folder: Path = FOLDER) -> Path:
    """Make the environment where it is missing or old; its Python.

    What cannot be installed is missing afterwards: `find_obstacle` says so. Raises OSError or
    CalledProcessError when there can be no environment at all.
    """
    python = folder / "bin" / "python"
    stamp = folder / _STAMP
    wanted = REQUIREMENTS.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    sys.stderr.write("Installing the clients to compare with …\n")
    venv.EnvBuilder(with_pip=True, clear=True).create(folder)
    if not _install(python, ["--requirement", str(REQUIREMENTS)]):
        # One that is gone must not take the others with it.
        for line in wanted.splitlines():
            if line and not line.startswith("#"):
                _install(python, [line])
    stamp.write_text(wanted)
    return python


def find_obstacle(python: Path, module: str, root: Path) -> str | None:
    """Why this interpreter cannot import a client's module; None when it can."""
    code = f"import {module}"
    done = subprocess.run(  # noqa: S603 - our own words
        [python, "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=_IMPORT_S,
        check=False,
    )
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else None


def _install(python: Path, what: list[str]) -> bool:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what]
    done = subprocess.run(  # noqa: S603 - our own words
        command, timeout=_INSTALL_S, capture_output=True, check=False
    )
    return done.returncode == 0
