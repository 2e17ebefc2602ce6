"""Record which moderators' messages do not show what was decided, so that a restart edits them."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_IS_OUT_OF_DATE = sa.text("edit_due_at IS NOT NULL AND message_id IS NOT NULL")


def upgrade() -> None:
    # Empty: messages of before are left as they are, until their time to undo ends.
    op.add_column("reviews", sa.Column("edit_due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_reviews_by_edit_due_at",
        "reviews",
        ["edit_due_at"],
        sqlite_where=_IS_OUT_OF_DATE,
        postgresql_where=_IS_OUT_OF_DATE,
    )


def downgrade() -> None:
    op.drop_index("ix_reviews_by_edit_due_at", "reviews")
    op.drop_column("reviews", "edit_due_at")
