"""Addresses of databases: their usual forms, and what may be shown of them."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from db.errors import InvalidDatabaseURL

_NO_ADDRESS = (
    "DATABASE_URL is not an address of a database. Write sqlite:///path/to/file.db or "
    "postgresql://user:password@host/name; special characters in the password are written with %, "
    "such as %40 for @."
)

_POSTGRESQL_OPTIONS = frozenset({"host", "port", "sslmode"})


def normalise_url(url: str) -> str:
    """Convert common forms of a database URL to the one that names the driver.

    Raises InvalidDatabaseURL, whose message never contains the URL: it may have a password.
    """
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        raise InvalidDatabaseURL(_NO_ADDRESS) from None
    if "@" in (parsed.host or ""):
        # Part of a password, which would be shown as the server's address.
        raise InvalidDatabaseURL(_NO_ADDRESS)
    family = parsed.drivername.partition("+")[0]
    if family == "sqlite":
        return _normalise_sqlite(parsed).render_as_string(hide_password=False)
    if family in ("postgresql", "postgres"):
        return _normalise_postgresql(parsed).render_as_string(hide_password=False)
    raise InvalidDatabaseURL(
        f"DATABASE_URL names {family!r}, but Limner keeps its records in SQLite or PostgreSQL "
        "only. Write sqlite:///path/to/file.db or postgresql://user:password@host/name."
    )


def libpq_url(url: str) -> str | None:
    """Return the URL in libpq's form; None for SQLite."""
    parsed = make_url(normalise_url(url))
    if parsed.get_backend_name() != "postgresql":
        return None
    plain = parsed.set(drivername="postgresql")
    # SQLAlchemy keeps spaces; libpq accepts none in a URL.
    return plain.render_as_string(hide_password=False).replace(" ", "%20")


def sqlite_files(url: str) -> tuple[Path, ...]:
    """Return the files of a SQLite database, including journals; none for PostgreSQL."""
    parsed = make_url(normalise_url(url))
    if parsed.get_backend_name() != "sqlite" or parsed.database is None:
        return ()
    return tuple(Path(parsed.database + ending) for ending in ("", "-wal", "-shm"))


def describe(url: URL) -> str:
    """Describe the database without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    return f"PostgreSQL database {url.database or ''} at {where(url)}"


def where(url: URL) -> str:
    """Return host and port of a PostgreSQL server, as far as they are given."""
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}:{url.port}" if url.port else str(host)


def _normalise_sqlite(url: URL) -> URL:
    if url.database in (None, "", ":memory:") or url.query or url.host:
        raise InvalidDatabaseURL(
            "DATABASE_URL must name a SQLite file that outlives the program, without options, "
            "such as sqlite:///data/limner.db or, with a full path, sqlite:////srv/limner.db."
        )
    return url.set(drivername="sqlite+pysqlite")


def _normalise_postgresql(url: URL) -> URL:
    query = {{"ssl": "sslmode"}.get(name, name): value for name, value in url.query.items()}
    unknown = sorted(set(query) - _POSTGRESQL_OPTIONS)
    if unknown:
        raise InvalidDatabaseURL(
            f"DATABASE_URL has an option that is not known here: {', '.join(unknown)}. After the "
            "question mark, sslmode, host and port are understood; take the others away."
        )
    return url.set(drivername="postgresql+psycopg", query=query)
