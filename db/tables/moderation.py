"""Blocks of people and pictures, watched words, flags, reviews and review policies."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.base import AutoKey, Base


class BlockRow(Base):
    """A person who may not generate in one guild; `until` is NULL for a permanent block."""

    __tablename__ = "blocks"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(Text)
    until: Mapped[datetime | None]
    actor_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]


class WatchedWordRow(Base):
    """A word, phrase or regular expression that a guild watches for in what people type."""

    __tablename__ = "terms"

    id: Mapped[int] = mapped_column(AutoKey, primary_key=True)
    guild_id: Mapped[int] = mapped_column(BigInteger)
    pattern: Mapped[str] = mapped_column(Text)
    is_expression: Mapped[bool]
    action: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("action IN ('allow', 'observe', 'warn', 'hold', 'refuse')", name="action"),
        Index("ix_terms_of_guild", "guild_id", "id"),
    )


class BlockedPictureRow(Base):
    """A perceptual hash of a picture that one guild, or every guild, lets nobody use or make."""

    __tablename__ = "blocked_pictures"

    id: Mapped[int] = mapped_column(AutoKey, primary_key=True)
    guild_id: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("guild_id", "hash"),)


class FlagRow(Base):
    """A reason for moderators to look at a generation: a watched word, a report, a check."""

    __tablename__ = "flags"

    id: Mapped[int] = mapped_column(AutoKey, primary_key=True)
    generation_id: Mapped[str] = mapped_column(ForeignKey("generations.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("kind IN ('word', 'warning', 'report', 'image')", name="kind"),
        Index("ix_flags_of_generation", "generation_id"),
    )


class ReviewRow(Base):
    """A review of a result; while it is pending, only moderators see the result.

    A reported result is visible until a moderator decides.

    The message is where moderators were asked; `edit_due_at` is when it has to be edited, if there
    is one; NULL while it shows what is recorded. `asked_at` is when they were asked and the
    requester was told that it waits. Until `undo_until` a decision can be undone, which restores
    `former_state`; it is NULL once nothing can be undone. `tellings` counts the deliveries to the
    requester after decisions.
    """

    __tablename__ = "reviews"

    generation_id: Mapped[str] = mapped_column(
        ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(String(16))
    channel_id: Mapped[int | None] = mapped_column(BigInteger)
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    former_state: Mapped[str | None] = mapped_column(String(16))
    undo_until: Mapped[datetime | None]
    tellings: Mapped[int] = mapped_column(default=0, server_default="0")
    edit_due_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state IN ('pending', 'approved', 'refused', 'shown', 'reported')", name="state"
        ),
        Index("ix_reviews_by_state", "state", "created_at"),
        Index("ix_reviews_by_undo_until", "undo_until"),
    )


# Only of messages that are out of date: there are few at any time.
_IS_OUT_OF_DATE = ReviewRow.edit_due_at.is_not(None) & ReviewRow.message_id.is_not(None)
Index(
    "ix_reviews_by_edit_due_at",
    ReviewRow.edit_due_at,
    sqlite_where=_IS_OUT_OF_DATE,
    postgresql_where=_IS_OUT_OF_DATE,
)


class AppealRow(Base):
    """An appeal against a decision; `subject` is a generation's id, or a block."""

    __tablename__ = "appeals"

    id: Mapped[int] = mapped_column(AutoKey, primary_key=True)
    guild_id: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int] = mapped_column(BigInteger)
    subject: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (UniqueConstraint("guild_id", "user_id", "subject"),)


class RefusalRow(Base):
    """How many requests of a guild were refused for one kind of reason on a day in UTC.

    Guild 0 is direct messages. Nothing says who asked, or for what.
    """

    __tablename__ = "refusals"

    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    day: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int]


class ReviewPolicyRow(Base):
    """Review policy of a guild, or of one of its channels; the guild itself is channel 0."""

    __tablename__ = "review_policies"

    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    channel_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    mode: Mapped[str] = mapped_column(String(16))

    __table_args__ = (CheckConstraint("mode IN ('off', 'log', 'hold', 'flagged')", name="mode"),)


class GuildModerationRow(Base):
    """Moderation settings of a guild: moderators' channel, retention, image check.

    Days are NULL where the program's default applies. `image_check_percent` is the threshold of
    certainty, `image_check_exempts` leaves out age-restricted channels, and `image_check_inputs`
    includes attachments. `says_ai` shows a word above results.
    """

    __tablename__ = "guild_moderation"

    guild_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    log_channel_id: Mapped[int | None] = mapped_column(BigInteger)
    images_kept_days: Mapped[int | None]
    prompts_kept_days: Mapped[int | None]
    records_kept_days: Mapped[int | None]
    image_check: Mapped[str] = mapped_column(String(16), default="off", server_default="off")
    image_check_percent: Mapped[int] = mapped_column(default=50, server_default="50")
    image_check_exempts: Mapped[bool] = mapped_column(default=True, server_default=true())
    image_check_inputs: Mapped[bool] = mapped_column(default=False, server_default=false())
    says_ai: Mapped[bool] = mapped_column(default=True, server_default=true())
    holds_blocked_pictures: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (
        CheckConstraint("image_check IN ('off', 'spoiler', 'hold', 'refuse')", name="image_check"),
    )


class ChangeRow(Base):
    """A state that a generation reached; `actor_id` is NULL if nobody in particular caused it."""

    __tablename__ = "changes"

    id: Mapped[int] = mapped_column(AutoKey, primary_key=True)
    generation_id: Mapped[str] = mapped_column(ForeignKey("generations.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime]

    __table_args__ = (Index("ix_changes_of_generation", "generation_id", "id"),)
