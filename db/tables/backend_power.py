"""Starts of backends, and their outcome."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class BackendPowerRow(Base):
    """The last start of a backend.

    `waking_since` is NULL unless it is being started, for `generation_id`. `woke_s` is the duration
    of the last start. `problem` says why the last start or stop failed, at `failed_at`.
    """

    __tablename__ = "backend_power"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    waking_since: Mapped[datetime | None]
    generation_id: Mapped[str | None] = mapped_column(String(32))
    woke_s: Mapped[float | None]
    failed_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(Text)
