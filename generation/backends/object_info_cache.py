"""Saved /object_info of each backend, used at start while a backend is unreachable."""

import gzip
import json
import logging
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, unquote

from comfy.protocol.object_info import ObjectInfo
from comfy.saved_object_info import load_object_info

SUFFIX = ".json.gz"
PARTS = "part-"

LONGEST_SAVE_S = 3600.0
"""Seconds after which a partial file counts as left by a killed process."""

_log = logging.getLogger(__name__)


class KnownNodes:
    """A folder with each backend's last description. Functions block: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> dict[str, ObjectInfo]:
        """Read all descriptions, by backend name; log and skip unreadable ones."""
        found = {}
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            try:
                found[unquote(path.name.removesuffix(SUFFIX))] = load_object_info(path)
            except (OSError, ValueError) as error:
                _log.warning("%s is left out: %s", path, error)
        return found

    def save(self, infos: Mapping[str, ObjectInfo]) -> None:
        """Replace all stored descriptions by these. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = {f"{quote(name, safe='')}{SUFFIX}": info for name, info in infos.items()}
        self._clear_away()
        # Other processes may save at the same time: each has its own partial files.
        with TemporaryDirectory(prefix=PARTS, dir=self._folder) as parts:
            for name, info in kept.items():
                content = json.dumps(info.raw).encode()
                part = Path(parts, name)
                part.write_bytes(gzip.compress(content, compresslevel=1, mtime=0))
                part.replace(self._folder / name)
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.name not in kept:
                path.unlink(missing_ok=True)

    def _clear_away(self) -> None:
        """Delete partial files of processes that were killed while saving."""
        for parts in self._folder.glob(f"{PARTS}*"):
            with suppress(FileNotFoundError):
                if parts.stat().st_mtime < time.time() - LONGEST_SAVE_S:
                    shutil.rmtree(parts)
