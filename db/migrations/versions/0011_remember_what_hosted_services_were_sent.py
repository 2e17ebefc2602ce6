"""Remember what was sent to services that choose the ids of their jobs themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sent_jobs",
        sa.Column("prompt_id", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sendings", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("prompt_id", name=op.f("pk_sent_jobs")),
    )
    op.create_index("ix_sent_jobs_old", "sent_jobs", ["sent_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_sent_jobs_old", table_name="sent_jobs")
    op.drop_table("sent_jobs")
