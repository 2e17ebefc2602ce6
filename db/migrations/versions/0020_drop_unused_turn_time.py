"""Forget when a generation's turn came during a pause: nothing reads it any more."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a batch: SQLite drops a column in place, and a copy of the table takes its time.
    op.drop_column("generations", "stepped_out_at")


def downgrade() -> None:
    column = sa.Column("stepped_out_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("generations", column)
