"""Charges of generations."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base

RESERVE = "reserve"
CHARGE = "charge"
REFUND = "refund"


class ChargeRow(Base):
    """What a generation costs its person, as entries that are only ever added.

    `reserve` is what was set aside when it was accepted. Exactly one of two entries follows:
    `charge` corrects the amount to what it came to (0 when it was as reserved), `refund` takes all
    of it back. Both repeat the reservation's `at`, so that the usage of a day is a plain sum.
    Both measures are kept, so that a guild may change the one it counts by: `amount` is pictures,
    weighted by their workflow's cost, and `gpu_ms` milliseconds on a backend.
    No foreign key: deleting one's generations must not give back what they cost.
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
