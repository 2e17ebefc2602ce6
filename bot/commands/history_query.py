"""A query of the history, short enough for the custom id of a button."""

import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self

from bot.replies.inputs import parse_day
from generation.history.queries import HistoryFilter
from generation.record import GenerationState

SEARCH_CHARACTERS = 26
"""Limit of the search text: a page button's custom id, at most 100 characters, holds the whole
query."""

KEY_CHARACTERS = 9

WORKFLOW_CHARACTERS = 32
"""The longest name that the library accepts."""

Status = Literal["done", "failed", "cancelled", "waiting", "running"]

STATES: dict[str, GenerationState] = {
    "done": GenerationState.SUCCEEDED,
    "failed": GenerationState.FAILED,
    "cancelled": GenerationState.CANCELLED,
    "waiting": GenerationState.WAITING,
    "running": GenerationState.RUNNING,
}

_LETTERS = {state: name[0] for name, state in STATES.items()}

_BY_LETTER = {letter: state for state, letter in _LETTERS.items()}

QUERY_PATTERN = (
    r"(?P<scope>h|m\+?[0-9a-f]{1,16}):(?P<direction>[no]):(?P<anchor>[a-z0-9]{0,12}):"
    r"(?P<page>[0-9]{1,6}):(?P<state>[a-z]?):(?P<since>[0-9a-f]*):(?P<until>[0-9a-f]*):"
    r"(?P<workflow>[^:]{0,32}):(?P<search>.*)"
)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """The filters and the page of a history listing, short enough for a custom id.

    `anchor` is the id of the generation that the page follows (older ones), or precedes with
    `newer`.
    """

    search: str = ""
    workflow: str = ""
    state: GenerationState | None = None
    since: datetime | None = None
    until: datetime | None = None
    page: int = 1
    anchor: str = ""
    newer: bool = False
    everyone: bool = False
    user_id: int | None = None
    flagged: bool = False

    @classmethod
    def asked(
        cls,
        *,
        search: str | None,
        workflow: str | None,
        status: Status | None,
        since: str | None,
        until: str | None,
        everyone: bool = False,
        user_id: int | None = None,
        flagged: bool = False,
    ) -> Self:
        """Build a query from command options. Raises RequestRefused for an invalid day."""
        now = datetime.now(UTC)
        return cls(
            search=" ".join((search or "").split()),
            workflow=(workflow or "").strip().lower().replace(":", "")[:WORKFLOW_CHARACTERS],
            state=STATES[status] if status else None,
            since=parse_day(since, "since", now),
            until=parse_day(until, "until", now, end=True),
            everyone=everyone,
            user_id=user_id,
            flagged=flagged,
        )

    @classmethod
    def parse(cls, match: re.Match[str]) -> Self:
        """Parse a query from the match of a custom id."""
        return cls(
            search=match["search"],
            workflow=match["workflow"],
            state=_BY_LETTER.get(match["state"]),
            since=_day(match["since"]),
            until=_day(match["until"]),
            page=int(match["page"]),
            anchor=match["anchor"],
            newer=match["direction"] == "n",
            everyone=match["scope"] != "h",
            user_id=_person(match["scope"]),
            flagged=match["scope"].startswith("m+"),
        )

    def custom_id(self) -> str:
        """Encode the query as the custom id of a page button."""
        parts = (
            "n" if self.newer else "o",
            self.anchor,
            str(self.page),
            _LETTERS[self.state] if self.state else "",
            _day_text(self.since),
            _day_text(self.until),
            self._workflow_key(),
            self.search,
        )
        # `search` is the last part because it may contain colons.
        scope = "h"
        if self.everyone:
            scope = f"m{'+' if self.flagged else ''}{self.user_id or 0:x}"
        return f"{scope}:" + ":".join(parts)

    def _workflow_key(self) -> str:
        """Return the workflow's name, or its checksum if the name is too long for the id."""
        if not self.everyone or len(self.workflow) <= KEY_CHARACTERS:
            return self.workflow
        return checksum(self.workflow)

    def to_filter(self, user_id: int, guild_id: int | None) -> HistoryFilter:
        """Convert to the core's filter: the person's own generations, or all of the guild's."""
        return HistoryFilter(
            user_id=self.user_id if self.everyone else user_id,
            # 0 stands for direct messages, while None would set no condition.
            guild_id=(guild_id or 0) if self.everyone else guild_id,
            flagged=self.flagged,
            workflow=self.workflow or None,
            state=self.state,
            search=self.search or None,
            since=self.since,
            until=self.until,
        )


def checksum(name: str) -> str:
    """Return a short stand-in for a long name, which no workflow can have as its name."""
    return f"~{zlib.crc32(name.encode()):08x}"


def _person(scope: str) -> int | None:
    return None if scope == "h" else int(scope.lstrip("m+"), 16) or None


def _day_text(day: datetime | None) -> str:
    return f"{day.toordinal():x}" if day is not None else ""


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromordinal(int(text, 16)).replace(tzinfo=UTC) if text else None
    except (ValueError, OverflowError):
        return None
