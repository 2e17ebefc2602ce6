"""Audit log of moderators and administrators."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AutoKey, Base


class AuditRow(Base):
    """One action of a moderator or administrator: actor, action and subject."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(AutoKey, primary_key=True)
    at: Mapped[datetime]
    actor_id: Mapped[int] = mapped_column(BigInteger)
    guild_id: Mapped[int] = mapped_column(BigInteger)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any] | None]

    __table_args__ = (Index("ix_audit_log_of_guild", "guild_id", "id"),)
