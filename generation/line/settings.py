"""Where the engine keeps its tables, and how long the line waits for what."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from db.database import libpq_url
from generation.line.sqlite import EngineConnection

APPLICATION_VERSION = "1"
"""Work is resumed only under the version it began with. A release as such does not change it:
only steps in another order do, and then the line must run empty first."""

RUNS_A_LANE = 1
"""Generations of one lane at a time: a person has as many lanes as they may have running."""

SPARE_TURNS = 2
"""People whose turn it is beyond the backends' slots, so that a backend never idles."""

MAX_ATTEMPTS = 3
"""A generation that was lost this often may itself be what kills the backends."""

MAX_RECOVERIES = 20
"""A generation whose process died this often under it may itself be what kills it."""

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

    polling_s: float = 0.1
    """How often a queue is looked at. There are two between an acceptance and its POST: 150 ms,
    against 75 ms at half of this, which costs a resting process 10 % of a core instead of 6 %."""

    priority_polling_s: float = 0.2
    """Likewise for the priority role: fewer people wait there, and each queue costs its polling."""

    result_polling_s: float = 0.1
    """How often a generation looks whether its attempt ended."""

    reconcile_s: float = 2.0
    """How soon work that fell between two transactions is picked up."""

    reconcile_min_age_s: float = 3.0
    """Younger generations are just being handed over by whoever accepted them."""

    takeover_grace_s: float = 10.0
    """A restart of PostgreSQL drops every lock at once: peers get this long to take theirs."""

    stop_pause_s: float = 1.0
    """Between two tries to take a cancelled run off its backend."""

    delivery_pause_s: float = 5.0
    """After the first failure to tell an end; it doubles with each."""

    delivery_max_pause_s: float = 15 * 60.0
    """The longest pause between two tries to tell."""

    delivery_total_s: float = 24 * 60 * 60.0
    """How long a result is worth telling."""
