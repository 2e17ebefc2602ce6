"""Remember which result a generation comes from, how it is shown, and that it was removed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parent_position", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("derivation", sa.String(length=16), nullable=True))
        batch_op.add_column(
            sa.Column("layout", sa.String(length=16), server_default="separate", nullable=False)
        )
        batch_op.add_column(
            sa.Column("keeps_metadata", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
        batch_op.add_column(sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("removed_by", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("generations", schema=None) as batch_op:
        for name in (
            "removed_by",
            "removed_at",
            "keeps_metadata",
            "layout",
            "derivation",
            "parent_position",
        ):
            batch_op.drop_column(name)
