"""Charges of generations."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base

RESERVE = "reserve"
CHARGE = "charge"
REFUND = "refund"


class ChargeRow(Base):
    """One charge of a generation; rows are only ever added.

    `reserve` is the amount set aside on acceptance. Exactly one of two entries follows: `charge`
    corrects it to the actual amount (0 if that was reserved), `refund` cancels it. Both repeat the
    reservation's `at`, so that the usage of a period is a plain sum. Both measures are stored, so
    that a guild may switch between them: `amount` is pictures, weighted by their workflow's cost,
    and `gpu_ms` milliseconds on a backend. There is no foreign key: deleting generations must not
    refund them.
    """

    __tablename__ = "charges"

    generation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger)
    guild_id: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int]
    gpu_ms: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("kind IN ('reserve', 'charge', 'refund')", name="kind"),
        Index("ix_charges_usage_of_person", "user_id", "guild_id", "at"),
    )


_IS_CLOSING = ChargeRow.kind.in_((CHARGE, REFUND))
Index(
    "ux_charges_closing",
    ChargeRow.generation_id,
    unique=True,
    sqlite_where=_IS_CLOSING,
    postgresql_where=_IS_CLOSING,
)
