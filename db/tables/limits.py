"""Policies of guilds for roles, people and channels."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AutoKey, Base


class RolePolicyRow(Base):
    """Overrides for members with a role; NULL overrides nothing."""

    __tablename__ = "role_policies"

    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    role_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    pictures: Mapped[int | None]
    gpu_s: Mapped[int | None]
    max_running: Mapped[int | None]
    max_waiting: Mapped[int | None]
    has_priority: Mapped[bool] = mapped_column(default=False)
    is_unlimited: Mapped[bool] = mapped_column(default=False)
    may_generate: Mapped[bool | None]
    access: Mapped[dict[str, Any] | None]


class GrantRow(Base):
    """An amount for one person in addition to their allowance, until it expires or is revoked."""

    __tablename__ = "grants"

    id: Mapped[int] = mapped_column(AutoKey, primary_key=True)
    guild_id: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int] = mapped_column(BigInteger)
    pictures: Mapped[int | None]
    gpu_s: Mapped[int | None]
    is_unlimited: Mapped[bool] = mapped_column(default=False)
    granted_by: Mapped[int] = mapped_column(BigInteger)
    granted_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_grants_of_person", "guild_id", "user_id"),)


class ChannelPolicyRow(Base):
    """Policy of a channel and its threads, or of all channels of a category.

    `is_served` says whether the bot serves it, `workflow` is its default; NULL decides nothing.
    """

    __tablename__ = "channel_policies"

    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    channel_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    is_served: Mapped[bool | None]
    workflow: Mapped[str | None] = mapped_column(String(64))
