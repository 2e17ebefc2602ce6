"""File permissions that keep the data folder from other users of the machine.

On systems without POSIX modes, such as Windows, the permissions of its folder decide.
"""

import logging
import os
import stat
from pathlib import Path

HAS_MODES = hasattr(os, "getuid")
"""Whether the system has POSIX file owners and modes."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO

_log = logging.getLogger(__name__)


def keep_private(data: Path, *files: Path) -> None:
    """Create the data folder; restrict it, its content and these files to this user.

    Files of other owners are left unchanged and logged.
    """
    if HAS_MODES:
        os.umask(OTHERS)
    data.mkdir(parents=True, exist_ok=True)
    for path in find_exposed(data, *files):
        try:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
        except OSError as error:
            _log.warning("Others may read %s, which cannot be changed: %s.", path, error.strerror)


def find_exposed(data: Path, *files: Path) -> tuple[Path, ...]:
    """Return those of the data folder, its content and these files that others can access."""
    if not HAS_MODES:
        return ()
    inside = (
        Path(folder, name)
        for folder, folders, names in os.walk(data)
        for name in (*folders, *names)
    )
    return tuple(path for path in (data, *inside, *files) if _is_exposed(path))


def _is_exposed(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    # A symbolic link's own mode has no effect, and its target lies elsewhere.
    return not stat.S_ISLNK(mode) and bool(mode & OTHERS)
