"""Where the engine keeps its tables, and how long the line waits for what."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from db.database import libpq_url
from generation.line.sqlite import EngineConnection

APPLICATION_VERSION = "2"
"""What the engine notes with each workflow. Nothing that it recorded is resumed: what was
interrupted begins again from our own records."""

MAX_ATTEMPTS = 3
"""A generation that was lost this often may itself be what kills the backends."""

MAX_STARTS = 20
"""A generation that was interrupted this often, by the death of its process or by an error that
nobody foresaw, may itself be the cause."""

STOP_ATTEMPTS = 5
"""Tries to take a cancelled run off its backend: it may just be on its way there."""

KEPT_WORKFLOWS = timedelta(days=2)
"""How long the engine's records of ended work are kept, for looking into a failure."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where the engine keeps its own tables: a URL for a synchronous driver, kept secret."""

    url: str = field(repr=False)

    @classmethod
    def beside(cls, database_url: str, sqlite_path: Path) -> "EngineSettings":
        """In the same PostgreSQL as the application's, or in this file of its own for SQLite."""
        return cls(libpq_url(database_url) or f"sqlite:///{sqlite_path.absolute()}")

    @property
    def sqlite_path(self) -> Path | None:
        """The file, where it is one."""
        prefix = "sqlite:///"
        return Path(self.url.removeprefix(prefix)) if self.url.startswith(prefix) else None

    @property
    def connection_options(self) -> dict[str, object]:
        """What the engine passes on when it opens its tables."""
        if self.sqlite_path is None:
            return {}
        return {"connect_args": {"factory": EngineConnection}}


@dataclass(frozen=True, slots=True)
class LineTimings:
    """Pauses of the line, in seconds."""

    reconcile_s: float = 5.0
    """How soon what no message told is noticed: turns are given by messages, not by this."""

    handover_grace_s: float = 3.0
    """What was handed to another process and has not begun there by then is handed out again."""

    takeover_grace_s: float = 10.0
    """A restart of PostgreSQL drops every lock at once: peers get this long to take theirs."""

    retry_pause_s: float = 0.2
    """Before the first repetition of what failed because the database is away."""

    retry_max_pause_s: float = 15.0
    """The longest pause between two such repetitions."""

    stop_pause_s: float = 1.0
    """Between two tries to take a cancelled run off its backend."""

    delivery_pause_s: float = 5.0
    """After the first failure to tell an end; it doubles with each."""

    delivery_max_pause_s: float = 15 * 60.0
    """The longest pause between two tries to tell."""

    delivery_total_s: float = 24 * 60 * 60.0
    """How long a result is worth telling."""
