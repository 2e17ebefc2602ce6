"""Check pictures as a guild wants it, and remember where they were asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parent_channel_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(
            sa.Column("age_restricted", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("guild_moderation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("image_check", sa.String(16), server_default="off", nullable=False)
        )
        batch_op.add_column(
            sa.Column("image_check_percent", sa.Integer(), server_default="50", nullable=False)
        )
        batch_op.add_column(
            sa.Column("image_check_exempts", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
        batch_op.create_check_constraint(
            op.f("ck_guild_moderation_image_check"),
            "image_check IN ('off', 'spoiler', 'hold', 'refuse')",
        )


def downgrade() -> None:
    with op.batch_alter_table("guild_moderation", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_guild_moderation_image_check"), type_="check")
        batch_op.drop_column("image_check_exempts")
        batch_op.drop_column("image_check_percent")
        batch_op.drop_column("image_check")
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.drop_column("age_restricted")
        batch_op.drop_column("parent_channel_id")
