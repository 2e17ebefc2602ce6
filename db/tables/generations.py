"""Generations with their inputs and outputs.

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
    false,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AutoKey, Base, UnsignedBigInteger

WAITING = "waiting"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"
UNFINISHED_STATES = (WAITING, RUNNING)
FINAL_STATES = (SUCCEEDED, FAILED, CANCELLED)


class GenerationRow(Base):
    """One request of one person and its outcome.

    `guild_id` is NULL in direct messages. `given_up_at` is when delivery of its end was given up.
    `lane` counts from 0 which of its person's places in the line it takes. `workload` is what its
    duration depends on: pixels * pictures * steps. `sampled_at` is when its sampler started, and
    `gpu_ms` the duration of its run.
    `parent_id`, `parent_position` and `derivation` say from which result it was derived, and how.
    `removed_at` is when its results were removed: the record is kept. While it is `withheld`, only
    moderators see its results. `parent_channel_id` is the channel of a thread, and `age_restricted`
    says that the channel was. `typed_prompt` is the typed text if `prompt` was drawn from it,
    `follow_up` the options of the request whose prompt its text becomes. `edited` says that it
    changes an attached file, through any number of results. `shared_url` links to the message in
    which its requester shared the results.
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
    state: Mapped[str] = mapped_column(String(16), default=WAITING)
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
    parent_position: Mapped[int | None]
    derivation: Mapped[str | None] = mapped_column(String(16))
    layout: Mapped[str] = mapped_column(String(16), default="separate", server_default="separate")
    keeps_metadata: Mapped[bool] = mapped_column(default=True, server_default=true())
    reply: Mapped[str] = mapped_column(Text, default="")
    message_url: Mapped[str | None] = mapped_column(Text)
    cancelled_by: Mapped[int | None] = mapped_column(BigInteger)
    lane: Mapped[int] = mapped_column(default=0, server_default="0")
    workload: Mapped[int | None] = mapped_column(BigInteger)
    sampled_at: Mapped[datetime | None]
    gpu_ms: Mapped[int | None] = mapped_column(BigInteger)
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[int | None] = mapped_column(BigInteger)
    withheld: Mapped[bool] = mapped_column(default=False, server_default=false())
    parent_channel_id: Mapped[int | None] = mapped_column(BigInteger)
    age_restricted: Mapped[bool] = mapped_column(default=False, server_default=false())
    typed_prompt: Mapped[str | None] = mapped_column(Text)
    follow_up: Mapped[dict[str, Any] | None]
    edited: Mapped[bool] = mapped_column(default=False, server_default=false())
    shared_url: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled')", name="state"
        ),
        Index("ix_generations_history_of_person", "user_id", "created_at", "id"),
        Index("ix_generations_history_of_guild", "guild_id", "created_at", "id"),
        Index("ix_generations_history", "created_at", "id"),
        Index("ix_generations_by_state", "state", "created_at", "id"),
        Index("ix_generations_in_line", "guild_id", "state", "user_id"),
        Index("ix_generations_recent_durations", "workflow", "state", "finished_at"),
    )


Index(
    "ix_generations_undelivered",
    GenerationRow.finished_at,
    sqlite_where=GenerationRow.delivered_at.is_(None),
    postgresql_where=GenerationRow.delivered_at.is_(None),
)


class InputRow(Base):
    """A verified input picture of a generation."""

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
    """The bytes of one result, in a table of their own so that the history never loads them."""

    __tablename__ = "output_contents"

    output_id: Mapped[int] = mapped_column(
        AutoKey,
        ForeignKey("outputs.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    content: Mapped[bytes] = mapped_column(LargeBinary)
