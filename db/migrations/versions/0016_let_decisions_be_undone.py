"""Let moderators give a reason, and undo a decision before it is carried out."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("former_state", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("undo_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("tellings", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index("ix_reviews_by_undo_until", ["undo_until"], unique=False)
    # What was decided before was told by a delivery of its own already.
    op.execute(sa.text("UPDATE reviews SET tellings = 1 WHERE decided_at IS NOT NULL"))


def downgrade() -> None:
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.drop_index("ix_reviews_by_undo_until")
        for column in ("tellings", "undo_until", "former_state", "reason"):
            batch_op.drop_column(column)
