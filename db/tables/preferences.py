"""Default options and named presets of people, the same in all guilds."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class PreferencesRow(Base):
    """One person's defaults; what is not in `values` is the program's."""

    __tablename__ = "preferences"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    values: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class PresetRow(Base):
    """Options of one person, by the name that they gave them."""

    __tablename__ = "presets"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    values: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]
