"""The data folder's workflows: adding, removing, enabling and disabling them."""

import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from workflows.carriers import Container, read
from workflows.errors import InvalidManifest
from workflows.folders.sources import (
    CARRIERS,
    GRAPH_FILE,
    MANIFEST_FILE,
    MAX_FILE_BYTES,
    load_bytes,
)
from workflows.infer.names import name_of_file
from workflows.manifest import NAME
from workflows.reading import read_table

SWITCHED_OFF = ".off"
"""File with the names of disabled workflows, one a line."""

SWITCHED_ON = ".on"
"""File with the names of enabled workflows that call paid services."""

STAGED = ".staged"
"""Folder of uploaded workflows that are not enabled yet; the catalog does not read it."""

REMOVED = ".removed"

PARTS = ".part-"

_TITLE = re.compile(r"^title[ \t]*=.*$", re.MULTILINE)

CARRIER_SUFFIX = ".png"
"""Suffix of copies that are not JSON; their format is detected by content."""


class ManagedFolder:
    """A folder of workflows that can be changed. Functions block: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Names of the published workflows."""
        return tuple(path.name for path in self._folders(self.folder))

    def staged(self) -> tuple[str, ...]:
        """Return the names of uploaded workflows that are not enabled yet."""
        return tuple(path.name for path in self._folders(self.folder / STAGED))

    def choose_name(self, wanted: str) -> str:
        """Return a valid workflow name for a file name or a typed name."""
        file = Path(wanted)
        has_suffix = file.suffix.lower() in {".json", *CARRIERS}
        return name_of_file(file.stem if has_suffix else file.name)

    def stage(self, name: str, content: bytes) -> None:
        """Store a file for later, replacing one of the same name. Raises OSError."""
        folder = self.folder / STAGED / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / _file_name(content)).write_bytes(content)

    def load_staged(self, name: str) -> bytes | None:
        """Return the file staged under this name; None if there is none."""
        if name not in self.staged():
            return None
        files = sorted((self.folder / STAGED / name).glob("graph.*"))
        return load_bytes(files[0], MAX_FILE_BYTES) if files else None

    def load_staged_manifest(self, name: str) -> str | None:
        """Return the manifest of a staged workflow; None if it has none yet."""
        manifest = self.folder / STAGED / name / MANIFEST_FILE
        return manifest.read_text(encoding="utf-8") if manifest.is_file() else None

    def set_title(self, name: str, title: str) -> bool:
        """Set the title in a workflow's manifest; return False for an unknown name.

        The rest of the file is kept. Raises OSError, and InvalidManifest if the title cannot be
        replaced without changing other fields.
        """
        folders = {path.name: path for path in self._folders(self.folder)}
        folders |= {path.name: path for path in self._folders(self.folder / STAGED)}
        if name not in folders:
            return False
        manifest = folders[name] / MANIFEST_FILE
        before = manifest.read_text(encoding="utf-8") if manifest.is_file() else ""
        # A JSON string is a string of TOML too.
        line = f"title = {json.dumps(title, ensure_ascii=False)}"
        after, count = _TITLE.subn(lambda _match: line, before, count=1)
        if not count:
            after = f"{line}\n{before}"
        if read_table(after) != {**read_table(before), "title": title}:
            raise InvalidManifest(["Its title is written in a way that only people change."])
        written = manifest.with_suffix(".new")
        written.write_text(after, encoding="utf-8")
        written.replace(manifest)
        return True

    def publish(self, name: str, manifest: str) -> Path:
        """Publish a staged workflow with this manifest. Raises OSError."""
        staged, target = self.folder / STAGED / name, self.folder / name
        (staged / MANIFEST_FILE).write_text(manifest, encoding="utf-8")
        staged.replace(target)
        return target

    def remove(self, name: str) -> bool:
        """Move a workflow to the hidden folder; return False if there is none of that name."""
        if not NAME.fullmatch(name):
            return False
        for folder in (self.folder / STAGED, self.folder):
            bare = sorted(path for path in folder.glob(f"{name}.*") if path.is_file())
            for path in (folder / name, *bare):
                if path.exists():
                    kept = self.folder / REMOVED / path.name
                    shutil.rmtree(kept, ignore_errors=True)
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    path.replace(kept)
                    return True
        return False

    def switched_off(self) -> frozenset[str]:
        """Return the names of disabled workflows. Raises OSError if the list is unreadable."""
        return self._read_names(SWITCHED_OFF)

    def switched_on(self) -> frozenset[str]:
        """Return the names of enabled workflows. Raises OSError if the list is unreadable."""
        return self._read_names(SWITCHED_ON)

    def switch_off(self, name: str) -> None:
        """Disable a workflow. Raises OSError."""
        self._write_names(SWITCHED_OFF, self.switched_off() | {name})
        self._write_names(SWITCHED_ON, self.switched_on() - {name})

    def switch_on(self, name: str) -> None:
        """Enable a workflow, even if it calls a paid service. Raises OSError."""
        self._write_names(SWITCHED_ON, self.switched_on() | {name})
        self._write_names(SWITCHED_OFF, self.switched_off() - {name})

    def _read_names(self, file: str) -> frozenset[str]:
        try:
            content = (self.folder / file).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()
        # Names are ASCII: a line that is not UTF-8 is ignored, others count.
        text = content.decode("utf-8-sig", errors="replace")
        return frozenset(line.strip() for line in text.splitlines() if line.strip())

    def _write_names(self, file: str, names: frozenset[str]) -> None:
        if not names and not (self.folder / file).exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{name}\n" for name in sorted(names))
        # Replaced atomically: a truncated list would enable what is missing in it. Concurrent
        # writers have a temporary file each.
        with TemporaryDirectory(prefix=PARTS, dir=self.folder) as parts:
            written = Path(parts, file)
            written.write_text(text, encoding="utf-8")
            written.replace(self.folder / file)

    @staticmethod
    def _folders(folder: Path) -> list[Path]:
        if not folder.is_dir():
            return []
        found = (path for path in folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name))
        return sorted(found)


def _file_name(content: bytes) -> str:
    """Return the name of the stored copy. Raises WorkflowUnusable if it contains no workflow."""
    is_json = read(content).container is Container.JSON
    return GRAPH_FILE if is_json else f"graph{CARRIER_SUFFIX}"
