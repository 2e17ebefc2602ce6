"""Keep what Limner stores from other users of the machine.

Where the system has no such permissions, as on Windows, there is nothing to do: folders there
belong to whoever made them.
"""

import logging
import os
import stat
from pathlib import Path

HAS_MODES = hasattr(os, "getuid")
"""Whether files have an owner and modes here."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO

_log = logging.getLogger(__name__)


def keep_private(data: Path, *files: Path) -> None:
    """Let this user alone use the data folder, these files, and what is written from now on.

    What belongs to somebody else stays as it is, and is logged.
    """
    if not HAS_MODES:
        return
    os.umask(OTHERS)
    data.mkdir(parents=True, exist_ok=True)
    for path in find_exposed(data, *files):
        try:
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
        except OSError as error:
            _log.warning("Others may read %s, which cannot be changed: %s.", path, error.strerror)


def find_exposed(data: Path, *files: Path) -> tuple[Path, ...]:
    """The data folder, what is in it, and these files, as far as others may use them."""
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
    # The mode of a link means nothing, and what it leads to is somewhere else.
    return not stat.S_ISLNK(mode) and bool(mode & OTHERS)
