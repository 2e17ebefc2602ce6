"""The tables and the indexes their queries need.

History keeps the facts it needs: a generation has no foreign key to people, guilds or its parent,
so it outlives them.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AutoKey, Base, UnsignedBigInteger

DIRECT_MESSAGES = 0
"""The guild id that stands for direct messages where a key needs one; Discord never gives it."""

WAITING = "waiting"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"
UNFINISHED_STATES = (WAITING, RUNNING)
FINAL_STATES = (SUCCEEDED, FAILED, CANCELLED)

RESERVE = "reserve"
CHARGE = "charge"
REFUND = "refund"


class GuildRow(Base):
    """One guild's settings; a limit that is NULL means the program's default."""

    __tablename__ = "guilds"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    paused: Mapped[bool] = mapped_column(default=False)
    daily_limit: Mapped[int | None]
    max_running: Mapped[int | None]
    max_waiting: Mapped[int | None]
    cooldown_s: Mapped[int | None]
    max_line: Mapped[int | None]
    created_at: Mapped[datetime]


class PersonRow(Base):
    """One person in one guild, or in direct messages (guild id 0)."""

    __tablename__ = "people"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text)
    last_request_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class GenerationRow(Base):
    """One request of one person and what became of it.

    `guild_id` is NULL in direct messages. `given_up_at` is when telling its end was given up.
    """

    __tablename__ = "generations"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    user_name: Mapped[str] = mapped_column(Text)
    guild_id: Mapped[int | None] = mapped_column(BigInteger)
    channel_id: Mapped[int] = mapped_column(BigInteger)
    workflow: Mapped[str] = mapped_column(String(64))
    prompt: Mapped[str] = mapped_column(Text)
    values: Mapped[dict[str, Any]]
    seed: Mapped[int | None] = mapped_column(UnsignedBigInteger)
    state: Mapped[str] = mapped_column(String(16))
    cost: Mapped[int]
    private: Mapped[bool]
    spoiler: Mapped[bool]
    priority: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    backend: Mapped[str | None] = mapped_column(Text)
    prompt_id: Mapped[str | None] = mapped_column(String(64))
    failure_kind: Mapped[str | None] = mapped_column(String(32))
    failure_sentence: Mapped[str | None] = mapped_column(Text)
    failure_facts: Mapped[dict[str, Any] | None]
    parent_id: Mapped[str | None] = mapped_column(String(32))
    reply: Mapped[str] = mapped_column(Text, default="")
    message_url: Mapped[str | None] = mapped_column(Text)
    cancelled_by: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled')", name="state"
        ),
        Index("ix_generations_history_of_person", "user_id", "created_at", "id"),
        Index("ix_generations_history_of_guild", "guild_id", "created_at", "id"),
        Index("ix_generations_history", "created_at", "id"),
        Index("ix_generations_by_state", "state", "created_at", "id"),
        Index("ix_generations_recent_durations", "workflow", "state", "finished_at"),
    )


Index(
    "ix_generations_undelivered",
    GenerationRow.finished_at,
    sqlite_where=GenerationRow.delivered_at.is_(None),
    postgresql_where=GenerationRow.delivered_at.is_(None),
)


class InputRow(Base):
    """A verified picture that a generation was given."""

    __tablename__ = "inputs"

    generation_id: Mapped[str] = mapped_column(
        ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    media_type: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))


class OutputRow(Base):
    """One result of a generation; its bytes are in `output_contents`, and may be pruned."""

    __tablename__ = "outputs"

    id: Mapped[int] = mapped_column(AutoKey, primary_key=True)
    generation_id: Mapped[str] = mapped_column(ForeignKey("generations.id", ondelete="CASCADE"))
    position: Mapped[int]
    filename: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(String(64))
    byte_count: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    thumbnail: Mapped[bytes | None] = mapped_column(LargeBinary)
    text: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))

    __table_args__ = (UniqueConstraint("generation_id", "position"),)


class OutputContentRow(Base):
    """The bytes of one result, apart from it so that reading a history never loads them."""

    __tablename__ = "output_contents"

    output_id: Mapped[int] = mapped_column(
        AutoKey,
        ForeignKey("outputs.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ChargeRow(Base):
    """What a generation costs its person, as entries that are only ever added.

    `reserve` is what was set aside when it was accepted. Exactly one of two entries follows:
    `charge` corrects the amount to what it came to (0 when it was as reserved), `refund` takes all
    of it back. Both repeat the reservation's `at`, so that the usage of a day is a plain sum.
    No foreign key: deleting one's generations must not give back what they cost.
    """

    __tablename__ = "charges"

    generation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    guild_id: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int]
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("kind IN ('reserve', 'charge', 'refund')", name="kind"),
        Index("ix_charges_usage_of_person", "user_id", "guild_id", "at"),
    )


class AuditRow(Base):
    """Who did what to what: deeds of moderators and administrators."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(AutoKey, primary_key=True)
    at: Mapped[datetime]
    actor_id: Mapped[int] = mapped_column(BigInteger)
    guild_id: Mapped[int] = mapped_column(BigInteger)
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any] | None]

    __table_args__ = (Index("ix_audit_log_of_guild", "guild_id", "id"),)
