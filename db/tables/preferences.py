"""Default options, named presets, and wildcard lists."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class PreferencesRow(Base):
    """One person's defaults; keys missing in `values` have the program's."""

    __tablename__ = "preferences"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    values: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class PresetRow(Base):
    """Named options of one person.

    Those of a guild have its negated id as `user_id`.
    """

    __tablename__ = "presets"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    values: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class WildcardListRow(Base):
    """Alternatives for `__name__` in prompts of a guild, one a line."""

    __tablename__ = "wildcard_lists"

    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    lines: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]
