"""Problems that were reported to the operator."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class AlertRow(Base):
    """A problem that was reported and is not over."""

    __tablename__ = "alerts"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    told_at: Mapped[datetime]
