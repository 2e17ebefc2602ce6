"""The input, output and temp folders, and the rules for file names in them."""

import datetime
import hashlib
import re
import secrets
import shutil
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

FOLDER_TYPES: Final = ("input", "output", "temp")
_ANNOTATION: Final = re.compile(r"^(?P<name>.*) \[(?P<kind>input|output|temp)\]$", re.DOTALL)


class OutsideFolderError(Exception):
    """A name leads outside of its folder."""


@dataclass
class Folders:
    """The server's folders below `root`."""

    root: Path
    temp_tag: str = field(default_factory=lambda: _random_letters(5))

    def __post_init__(self) -> None:
        """Create the folders."""
        for kind in FOLDER_TYPES:
            self.folder(kind).mkdir(parents=True, exist_ok=True)

    def folder(self, kind: str) -> Path:
        """Return the folder of a type."""
        return self.root / kind

    def empty_temp(self) -> None:
        """Empty the temp folder, as a starting server does."""
        shutil.rmtree(self.folder("temp"), ignore_errors=True)
        self.folder("temp").mkdir(parents=True, exist_ok=True)
        self.temp_tag = _random_letters(5)

    def input_files(self) -> list[str]:
        """List the choices of loader nodes: the files directly inside the input folder."""
        return sorted(path.name for path in self.folder("input").iterdir() if path.is_file())

    def inside(self, kind: str, *parts: str) -> Path:
        """Return the path of a name in a folder; raises OutsideFolderError when it leads out."""
        folder = self.folder(kind).resolve()
        path = folder.joinpath(*parts).resolve()
        if not path.is_relative_to(folder):
            raise OutsideFolderError(str(path))
        return path

    def annotated(self, name: str) -> Path | None:
        """Return the file a loader's value names ("x.png", "sub/x.png [output]"), if it exists."""
        kind, plain = split_annotation(name)
        try:
            path = self.inside(kind or "input", plain)
        except OutsideFolderError:
            return None
        return path if path.is_file() else None

    def next_file(
        self, kind: str, prefix: str, size: tuple[int, int]
    ) -> tuple[Path, str, str, int]:
        """Return (directory, subfolder, base name, counter) for the next file of a prefix.

        The counter is read from the directory, so a deleted name is used again.
        """
        filled = _fill_in(prefix, size)
        subfolder, base = str(Path(filled).parent), Path(filled).name
        directory = self.inside(kind, subfolder)
        directory.mkdir(parents=True, exist_ok=True)
        pattern = re.compile(re.escape(base) + r"_(\d+)_?\.", re.IGNORECASE)
        taken = [
            int(match[1]) for path in directory.iterdir() if (match := pattern.match(path.name))
        ]
        return directory, "" if subfolder == "." else subfolder, base, max(taken, default=0) + 1


def split_annotation(name: str) -> tuple[str | None, str]:
    """Split "x.png [output]" into ("output", "x.png"); the type is None when there is none."""
    match = _ANNOTATION.match(name)
    return (match["kind"], match["name"]) if match else (None, name)


def fingerprint(path: Path) -> str:
    """Return a digest of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fill_in(prefix: str, size: tuple[int, int]) -> str:
    now = datetime.datetime.now(datetime.UTC)
    values = {
        "width": str(size[0]),
        "height": str(size[1]),
        "year": str(now.year),
        "month": f"{now.month:02}",
        "day": f"{now.day:02}",
        "hour": f"{now.hour:02}",
        "minute": f"{now.minute:02}",
        "second": f"{now.second:02}",
    }
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix


def _random_letters(count: int) -> str:
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(count))
