"""Remember which backends are being started."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backend_power",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("waking_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("generation_id", sa.String(length=32), nullable=True),
        sa.Column("woke_s", sa.Double(), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_backend_power")),
    )


def downgrade() -> None:
    op.drop_table("backend_power")
