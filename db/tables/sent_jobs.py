"""Jobs on hosted services, which choose the job ids themselves."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class SentJobRow(Base):
    """A submitted prompt id; `job_id` is NULL until the service answered."""

    __tablename__ = "sent_jobs"

    prompt_id: Mapped[str] = mapped_column(Text, primary_key=True)
    sent_at: Mapped[datetime]
    sendings: Mapped[int]
    job_id: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_sent_jobs_old", "sent_at"),)
