"""Backends: their starts, those drained by operators, and jobs on hosted services."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text
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


class DrainedBackendRow(Base):
    """A backend that takes no new work, until its row is deleted."""

    __tablename__ = "drained_backends"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    drained_by: Mapped[int] = mapped_column(BigInteger)
    drained_at: Mapped[datetime]


class SentJobRow(Base):
    """A submitted prompt id; `job_id` is NULL until the service answered."""

    __tablename__ = "sent_jobs"

    prompt_id: Mapped[str] = mapped_column(Text, primary_key=True)
    sent_at: Mapped[datetime]
    sendings: Mapped[int]
    job_id: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_sent_jobs_old", "sent_at"),)
