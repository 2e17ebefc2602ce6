"""Alembic's environment for every command: our tables, our types, and the connection."""

import os
from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.util import CommandError
from sqlalchemy import Connection, make_url

import db.tables  # noqa: F401 - fills the metadata
from db.base import VERSION_TABLE, Base, JSONObject, UnsignedBigInteger, UTCDateTime
from db.engine import build_engine
from db.repositories.prompt_words import WORDS_INDEX, WORDS_TABLE
from db.urls import normalise_url

_PLAIN_TYPES = {
    UTCDateTime: "sa.DateTime(timezone=True)",
    UnsignedBigInteger: "sa.String(length=20)",
}


def render_item(kind: str, item: object, autogen_context: AutogenContext) -> str | Literal[False]:
    """Render our types as SQLAlchemy's own: migrations import no code of the project."""
    if kind != "type":
        return False
    if item is JSONObject or (getattr(item, "none_as_null", False) is True):
        autogen_context.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return _PLAIN_TYPES.get(type(item), False)


def is_described(name: str | None, kind: str, _parents: object) -> bool:
    """Return whether a table is declared in code; the full-text index of prompts is not."""
    is_words = (name or "").startswith(WORDS_TABLE) or name == WORDS_INDEX
    return not (is_words and kind in ("table", "index"))


def run(connection: Connection) -> None:
    """Run the command's migrations in the connection's own transaction, all or nothing."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table=VERSION_TABLE,
        render_item=render_item,
        include_name=is_described,
        transactional_ddl=True,
        # SQLite alters a table by rebuilding it; elsewhere a batch is the plain statements.
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_by_environment() -> None:
    """Connect to DATABASE_URL, for calls of `alembic` by hand."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        msg = "Set DATABASE_URL to the database that Alembic shall work on."
        raise CommandError(msg)
    engine = build_engine(make_url(normalise_url(url)), for_migrations=True)
    try:
        with engine.begin() as connection:
            run(connection)
    finally:
        engine.dispose()


if context.is_offline_mode():
    msg = "Migrations run on a database only: take --sql away."
    raise CommandError(msg)
given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    run_by_environment()
