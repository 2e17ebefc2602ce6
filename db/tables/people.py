"""Guilds' settings, and the people in them."""

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base

DIRECT_MESSAGES = 0
"""Guild id of direct messages in keys, which cannot be NULL; Discord never uses it."""


class GuildRow(Base):
    """Settings of one guild; NULL is the program's default.

    `pictures` and `gpu_s` are a person's amounts in a period; `quota_unit` says which applies.
    `gallery_channel_id` is the channel into which results are shared.
    """

    __tablename__ = "guilds"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    paused: Mapped[bool] = mapped_column(default=False)
    quota_unit: Mapped[str | None] = mapped_column(String(16))
    quota_period: Mapped[str | None] = mapped_column(String(8))
    role_rule: Mapped[str | None] = mapped_column(String(8))
    pictures: Mapped[int | None]
    gpu_s: Mapped[int | None]
    max_running: Mapped[int | None]
    max_waiting: Mapped[int | None]
    cooldown_s: Mapped[int | None]
    max_line: Mapped[int | None]
    gallery_channel_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class PersonRow(Base):
    """One person in one guild, or in direct messages (guild id 0)."""

    __tablename__ = "people"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    last_request_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
