"""Blocklists of pictures by their perceptual hash, of a guild and of the whole bot.

Only hashes are kept, and a match is told by its list alone: nothing shows what was blocked.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.cached_query import CachedQuery
from db.database import Database, Session
from db.repositories.moderation.blocked_pictures import BlockedPictureRepository
from db.repositories.moderation.blocks import EVERYWHERE
from db.repositories.moderation.guild_moderation import GuildModerationRepository
from db.tables import BlockedPictureRow, GuildModerationRow
from generation.errors import InvalidAttachment, InvalidOption
from generation.media.perceptual_hash import HASH_BITS
from generation.moderation.blocks import MAX_REASON_CHARACTERS
from generation.moderation.image_policy import ImageVerdict, strictest
from generation.record import PictureHash, copy_row
from generation.request import Actor
from generation.text import clean_text
from generation.transactions import Service, reads, writes

MOST_BITS = 31
"""Bits in which the hashes of one picture may differ: PDQ's recommendation."""

MAX_GUILD_PICTURES = 2_000
MAX_BOT_PICTURES = 20_000
"""Each picture is compared with both lists, in a few milliseconds."""

MAX_LIST_BYTES = 4 * 1024 * 1024
"""Of a list that is imported: more than MAX_BOT_PICTURES with a reason each."""

NAMED_LINES = 5
"""Numbers of lines without a hash that are named of an imported list."""

_ENTRY = re.compile(rf"([0-9a-fA-F]{{{HASH_BITS // 4}}})(?:[\s,;]+(.*))?")


HashView = Callable[[], Iterable[PictureHash | None]]
"""Hashes what can be seen of one file; None of what has nothing to be recognized by."""


@dataclass(frozen=True, slots=True)
class Blocklist:
    """The hashes of one list, and what comes of a match."""

    hashes: tuple[int, ...] = ()
    verdict: ImageVerdict = ImageVerdict.REFUSE

    def has(self, picture: PictureHash) -> bool:
        """Return whether it contains this picture, or its mirror image."""
        return any(
            (known ^ seen).bit_count() <= MOST_BITS
            for seen in (picture.upright, picture.mirrored)
            for known in self.hashes
        )


def match_pictures(lists: Sequence[Blocklist], views: Iterable[HashView]) -> ImageVerdict:
    """Decide on pictures by the strictest list that has one of them. Busy: call it in a thread."""
    pictures = [found for view in views for found in view() if found is not None]
    return strictest(blocklist.verdict for blocklist in lists if any(map(blocklist.has, pictures)))


class Blocklists:
    """What is blocked, kept in memory until it changes."""

    def __init__(self, database: Database) -> None:
        self._lists = CachedQuery[int, Blocklist](
            database, (BlockedPictureRow, GuildModerationRow), _load_list
        )

    async def of_guild(self, guild_id: int | None) -> tuple[Blocklist, ...]:
        """Return the non-empty lists that apply in a guild. Raises DatabaseError."""
        wanted = (EVERYWHERE,) if guild_id is None else (EVERYWHERE, guild_id)
        lists = [await self._lists.get(one) for one in wanted]
        return tuple(blocklist for blocklist in lists if blocklist.hashes)


@dataclass(frozen=True, slots=True)
class BlockedPicture:
    """An entry of a list."""

    id: int
    hash: str
    reason: str
    actor_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class PictureList:
    """The newest entries of a list, how many it has, and whether its matches are held."""

    entries: tuple[BlockedPicture, ...]
    count: int
    is_held: bool
    everywhere: int
    """How many are blocked in all guilds."""


@dataclass(frozen=True, slots=True)
class ParsedList:
    """Reasons by hash of a list in text, and the numbers of the lines that have none."""

    reasons: Mapping[str, str]
    repeated: int = 0
    bad_lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of an imported list."""

    added: int
    known: int
    bad_lines: tuple[int, ...]


class PictureBlocks(Service):
    """Changes the lists; every change is audited. A guild id of None is the whole bot's list.

    Callers must have checked that the actor may do it there. Every method raises
    ServiceUnavailable.
    """

    @reads
    def read(self, session: Session, guild_id: int | None, limit: int | None = None) -> PictureList:
        """Return the newest entries of a list."""
        blocked, list_id = BlockedPictureRepository(session), guild_id or EVERYWHERE
        return PictureList(
            tuple(copy_row(BlockedPicture, row) for row in blocked.page(list_id, limit)),
            blocked.count(list_id),
            is_held=_load_verdict(session, list_id) is ImageVerdict.HOLD,
            everywhere=blocked.count(EVERYWHERE),
        )

    @writes
    def block(
        self, session: Session, actor: Actor, pictures: Sequence[PictureHash], reason: str
    ) -> int:
        """Block pictures; return how many were not blocked yet. Raises RequestRefused."""
        reasons = {write_hash(picture): clean_text(reason).strip() for picture in pictures}
        added = _add(session, actor, reasons, self._clock())
        self._audit(session, actor, "block-picture", pictures=added, reason=clean_text(reason))
        return added

    @writes
    def unblock(self, session: Session, actor: Actor, picture_id: int) -> bool:
        """Take an entry off the list. Return False if it is not in it."""
        list_id = actor.guild_id or EVERYWHERE
        removed = BlockedPictureRepository(session).remove(list_id, picture_id)
        if removed:
            self._audit(session, actor, "unblock-picture", str(picture_id))
        return removed

    @writes
    def import_list(self, session: Session, actor: Actor, content: bytes) -> ImportReport:
        """Add the hashes of a list in text. Raises RequestRefused."""
        parsed = parse_list(content)
        added = _add(session, actor, parsed.reasons, self._clock())
        self._audit(session, actor, "import-pictures", pictures=added)
        known = len(parsed.reasons) - added + parsed.repeated
        return ImportReport(added, known, parsed.bad_lines)

    @writes
    def set_held(self, session: Session, actor: Actor, *, is_held: bool) -> None:
        """Hold what matches a guild's list, or refuse it. Raises RequestRefused without a guild."""
        if actor.guild_id is None:
            raise InvalidOption("What is blocked in all servers is always refused.")
        GuildModerationRepository(session).put(actor.guild_id, holds_blocked_pictures=is_held)
        self._audit(session, actor, "picture-mode", mode="hold" if is_held else "refuse")


def write_hash(picture: PictureHash) -> str:
    """Format a hash as in lists."""
    return f"{picture.upright:0{HASH_BITS // 4}x}"


def write_list(entries: Iterable[BlockedPicture]) -> str:
    """Format a list as text: a hash a line, with its reason."""
    return "".join(
        f"{entry.hash} {' '.join(entry.reason.split())}".rstrip() + "\n" for entry in entries
    )


def parse_list(content: bytes) -> ParsedList:
    """Read a list in text; lines that are empty or begin with # count as nothing.

    Raises RequestRefused where it has no hash at all, or is too long.
    """
    if len(content) > MAX_LIST_BYTES:
        raise InvalidAttachment(
            "The list is too long (limit {limit} MiB).", {"limit": MAX_LIST_BYTES >> 20}
        )
    reasons: dict[str, str] = {}
    bad_lines, repeated = [], 0
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _ENTRY.fullmatch(line.strip())
        if entry is None:
            bad_lines.append(number)
        elif (found := entry[1].lower()) in reasons:
            repeated += 1
        else:
            reasons[found] = clean_text(entry[2] or "")[:MAX_REASON_CHARACTERS].strip()
    if not reasons:
        raise InvalidAttachment(
            "No hashes in this file. Each line needs one of 64 digits from 0 to f."
        )
    return ParsedList(reasons, repeated, tuple(bad_lines))


def _add(session: Session, actor: Actor, reasons: Mapping[str, str], at: datetime) -> int:
    blocked, list_id = BlockedPictureRepository(session), actor.guild_id or EVERYWHERE
    known = frozenset(blocked.hashes(list_id))
    new = {one: reason for one, reason in reasons.items() if one not in known}
    limit = MAX_GUILD_PICTURES if actor.guild_id else MAX_BOT_PICTURES
    if len(known) + len(new) > limit:
        raise InvalidOption(
            "A list has up to {limit} pictures, and this would make {count}. Remove some first.",
            {"limit": limit, "count": len(known) + len(new)},
        )
    if new:
        blocked.add(list_id, new, actor.user_id, at)
    return len(new)


def _load_list(session: Session, list_id: int) -> Blocklist:
    hashes = BlockedPictureRepository(session).hashes(list_id)
    return Blocklist(tuple(int(hash_, 16) for hash_ in hashes), _load_verdict(session, list_id))


def _load_verdict(session: Session, list_id: int) -> ImageVerdict:
    row = GuildModerationRepository(session).get(list_id)
    is_held = row is not None and row.holds_blocked_pictures
    return ImageVerdict.HOLD if is_held else ImageVerdict.REFUSE
