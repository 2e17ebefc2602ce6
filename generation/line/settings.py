"""Location of the engine's tables, and the line's timings and limits."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from db.urls import libpq_url
from generation.line.sqlite import EngineConnection

APPLICATION_VERSION = "2"
"""Version that the engine records with each workflow. It is constant because no recorded workflow
is ever resumed: interrupted ones begin again from our own records."""

MAX_ATTEMPTS = 3
"""Attempts lost with their backend before a generation fails: it may be what crashes them."""

MAX_STARTS = 20
"""Starts of a generation interrupted by the death of its process or an unforeseen error, before it
fails: it may be the cause."""

STOP_ATTEMPTS = 5
"""Attempts to cancel a run on its backend, which may be receiving it at the moment."""

KEPT_WORKFLOWS = timedelta(days=2)
"""How long the engine's records of ended workflows are kept, for investigating failures."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Location of the engine's tables: a URL for a synchronous driver; never log it."""

    url: str = field(repr=False)

    @classmethod
    def beside(cls, database_url: str, sqlite_path: Path) -> "EngineSettings":
        """Return the application's PostgreSQL, or a separate file for SQLite."""
        return cls(libpq_url(database_url) or f"sqlite:///{sqlite_path.absolute()}")

    @property
    def sqlite_path(self) -> Path | None:
        """The file, if the engine uses SQLite."""
        prefix = "sqlite:///"
        return Path(self.url.removeprefix(prefix)) if self.url.startswith(prefix) else None

    @property
    def connection_options(self) -> dict[str, object]:
        """Arguments that the engine passes to its driver."""
        if self.sqlite_path is None:
            return {}
        return {"connect_args": {"factory": EngineConnection}}


@dataclass(frozen=True, slots=True)
class LineTimings:
    """Pauses of the line, in seconds."""

    reconcile_s: float = 5.0
    """Between two reconciliations; scheduling itself is driven by messages."""

    handover_grace_s: float = 3.0
    """After which an attempt that did not begin in another process is handed out again."""

    takeover_grace_s: float = 10.0
    """After which a lock that a peer lost counts as abandoned: a restart of PostgreSQL drops all
    locks."""

    retry_pause_s: float = 0.2
    """Before the first retry of an operation that failed because the database is unreachable."""

    retry_max_pause_s: float = 15.0
    """The longest pause between two such retries."""

    stop_pause_s: float = 1.0
    """Between two attempts to cancel a run on its backend."""

    delivery_pause_s: float = 5.0
    """After the first failed delivery; doubles with each further one."""

    delivery_max_pause_s: float = 15 * 60.0
    """The longest pause between two deliveries."""

    delivery_total_s: float = 24 * 60 * 60.0
    """After which delivery of a result is given up."""
