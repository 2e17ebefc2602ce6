"""Shared parts of all tables: constraint names, and column types exact on every database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

UNSIGNED_64_BIT_MAX = 2**64 - 1

VERSION_TABLE = "limner_revision"
"""Not Alembic's default: another program's tables may be in the same PostgreSQL database."""

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime stored in UTC. SQLite drops time zones, so naive ones are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Convert to UTC. Raises ValueError for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "A moment without a time zone cannot be stored."
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class UnsignedBigInteger(TypeDecorator[int]):
    """An unsigned 64-bit number, stored as decimal text.

    Neither database has such a type: BIGINT is signed, and NUMERIC becomes a float on SQLite. Text
    is exact on both and readable in any tool. It does not sort as numbers do, which seeds need not.
    """

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> str | None:
        """Convert to text. Raises ValueError for more than 64 unsigned bits."""
        if value is None:
            return None
        if not 0 <= value <= UNSIGNED_64_BIT_MAX:
            msg = f"{value} is not an unsigned 64-bit number."
            raise ValueError(msg)
        return str(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> int | None:
        """Return the number."""
        return None if value is None else int(value)


JSONObject = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A JSON object; None is NULL, never JSON's own null."""

AutoKey = BigInteger().with_variant(Integer(), "sqlite")
"""An auto-incrementing key: SQLite supports that for INTEGER columns only."""


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy declares it without ClassVar
        datetime: UTCDateTime(),
        dict[str, Any]: JSONObject,
    }


def table_of(row_type: type[Base]) -> Table:
    """Return the table of a row type, for statements without the ORM's overhead."""
    table = row_type.__table__
    assert isinstance(table, Table)  # noqa: S101 - none of ours is a join
    return table
