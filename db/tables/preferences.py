"""Default options and named presets, and the lists that guilds draw words from."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class PreferencesRow(Base):
    """One person's defaults; what is not in `values` is the program's."""

    __tablename__ = "preferences"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    values: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class PresetRow(Base):
    """Options of one person, by the name that they gave them.

    Those of a guild have its id with a minus for a `user_id`.
    """

    __tablename__ = "presets"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    values: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class WildcardListRow(Base):
    """What `__name__` in a prompt stands for in a guild: one alternative a line."""

    __tablename__ = "wildcard_lists"

    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    lines: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]
