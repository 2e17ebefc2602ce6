"""Where SQLite and PostgreSQL are asked differently for the same thing."""

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import Base


def is_postgresql(session: AsyncSession) -> bool:
    """Whether this transaction is on PostgreSQL; it is on SQLite otherwise."""
    return session.get_bind().dialect.name == "postgresql"


def insert_into(session: AsyncSession, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Begin an INSERT that can say what happens on a key that exists."""
    return postgresql.insert(table) if is_postgresql(session) else sqlite.insert(table)
