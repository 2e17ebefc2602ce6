"""Keep typed prompts, wildcard lists, and what channels and roles use."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "wildcard_lists",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "name", name=op.f("pk_wildcard_lists")),
    )
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("typed_prompt", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("follow_up", json, nullable=True))
    with op.batch_alter_table("role_policies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("access", json, nullable=True))
    with op.batch_alter_table("channel_policies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("workflow", sa.String(length=64), nullable=True))
        batch_op.alter_column("is_served", existing_type=sa.Boolean(), nullable=True)


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM channel_policies WHERE is_served IS NULL"))
    with op.batch_alter_table("channel_policies", schema=None) as batch_op:
        batch_op.alter_column("is_served", existing_type=sa.Boolean(), nullable=False)
        batch_op.drop_column("workflow")
    with op.batch_alter_table("role_policies", schema=None) as batch_op:
        batch_op.drop_column("access")
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.drop_column("follow_up")
        batch_op.drop_column("typed_prompt")
    op.drop_table("wildcard_lists")
