"""Wildcard lists: the operator's files, and lists of each guild's administrators."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from time import monotonic

from db.database import Database, Session
from db.repositories.wildcards import WildcardRepository
from generation.errors import InvalidOption, RequestRefused
from generation.prompts.wildcards import NAME, Lists
from generation.request import Actor
from generation.text import clean_text
from generation.transactions import Service, reads, writes

MAX_LIST_BYTES = 100_000
"""Bytes of one list in UTF-8: thousands of lines. Each prompt that names a list reads all of
them."""

MAX_LISTS = 50
"""Lists of one guild."""

MAX_NAME_CHARACTERS = 64

MAX_FILES_BYTES = 20_000_000
"""Bytes of all of the operator's lists, which stay in memory."""

FILES_LAST_S = 60.0
"""Seconds before the operator's files are read again."""

_log = logging.getLogger(__name__)


class WildcardLists(Service):
    """Stores the lists of guilds, and reads the operator's from a folder of text files.

    A guild's list takes precedence over a file of the same name. Every change is recorded in the
    audit log. Methods raise ServiceUnavailable while the records are unreachable.
    """

    def __init__(
        self, database: Database, folder: Path | None, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(database, clock)
        self._folder = folder
        self._files: Lists = {}
        self._read_at = -FILES_LAST_S

    async def find(self, guild_id: int | None) -> Lists:
        """Return the lists that prompts can name in this guild."""
        if self._folder is not None and monotonic() - self._read_at >= FILES_LAST_S:
            self._files = await asyncio.to_thread(_read_files, self._folder)
            self._read_at = monotonic()
        return {**self._files, **_split(await self.texts(guild_id))}

    @reads
    def texts(self, session: Session, guild_id: int | None) -> Mapping[str, str]:
        """Return the guild's own lists as they were saved, by name."""
        return WildcardRepository(session).all(guild_id)

    @writes
    def save(self, session: Session, actor: Actor, name: str, text: str) -> int:
        """Save a list, replacing one of the same name; return its number of lines.

        Raises RequestRefused if the name or the text is invalid.
        """
        kept, text = _check_name(name), clean_text(text)
        check_list_size(len(text.encode()))
        lines = _lines(text)
        if not lines:
            raise _refused("file", "The list is empty. Write one alternative a line.")
        lists = WildcardRepository(session)
        known = lists.all(actor.guild_id)
        if kept not in known and len(known) >= MAX_LISTS:
            raise _refused(
                "name", "This server has {limit} lists. Remove one first.", limit=MAX_LISTS
            )
        lists.set(actor.guild_id, kept, text, now=self._clock())
        self._audit(session, actor, "set-wildcards", kept)
        return len(lines)

    @writes
    def remove(self, session: Session, actor: Actor, name: str) -> None:
        """Delete a list. Raises RequestRefused if there is none of that name."""
        if not WildcardRepository(session).delete(actor.guild_id, name.strip().strip("_").lower()):
            raise _refused("name", "This server has no list {list}.", list=name)
        self._audit(session, actor, "remove-wildcards", name)


def _check_name(name: str) -> str:
    kept = name.strip().strip("_").lower()
    if not NAME.fullmatch(kept) or len(kept) > MAX_NAME_CHARACTERS:
        raise _refused(
            "name",
            "Name a list with letters, digits, - and _, up to {limit} characters.",
            limit=MAX_NAME_CHARACTERS,
        )
    return kept


def check_list_size(size: int) -> None:
    """Raise RequestRefused for a list of too many bytes."""
    if size > MAX_LIST_BYTES:
        raise _refused(
            "file",
            "A list has up to {limit} kB; this has {size}. Split it.",
            limit=MAX_LIST_BYTES // 1000,
            size=-(-size // 1000),
        )


def _refused(name: str, template: str, **facts: object) -> RequestRefused:
    return InvalidOption(template, {"option": name, **facts})


def _split(texts: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {name: _lines(text) for name, text in texts.items()}


def _lines(text: str) -> tuple[str, ...]:
    """Return the alternatives of a list; lines that begin with # are comments."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _read_files(folder: Path) -> Lists:
    """Read the operator's files; log and skip unusable ones."""
    texts: dict[str, str] = {}
    left = MAX_FILES_BYTES
    for path in sorted(folder.rglob("*.txt")):
        name = path.relative_to(folder).with_suffix("").as_posix().lower()
        try:
            with path.open("rb") as file:
                content = file.read(MAX_LIST_BYTES + 1)
            text = clean_text(content.decode("utf-8-sig", "replace"))
            _check_name(name)
            check_list_size(len(content))
        except (OSError, RequestRefused) as error:
            _log.warning("The wildcard list %s is left out: %s", path, error)
            continue
        left -= len(content)
        if left < 0:
            _log.warning(
                "The wildcard lists in %s are too large together; %s is left out.", folder, path
            )
            break
        texts[name] = text
    return _split(texts)
