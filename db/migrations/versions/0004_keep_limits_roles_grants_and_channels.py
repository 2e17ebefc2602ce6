"""Keep limits, roles, grants and channels."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_policies",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("is_served", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "channel_id", name=op.f("pk_channel_policies")),
    )
    op.create_table(
        "drained_backends",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("drained_by", sa.BigInteger(), nullable=False),
        sa.Column("drained_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_drained_backends")),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=True),
        sa.Column("gpu_s", sa.Integer(), nullable=True),
        sa.Column("is_unlimited", sa.Boolean(), nullable=False),
        sa.Column("granted_by", sa.BigInteger(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index("ix_grants_of_person", ["guild_id", "user_id"], unique=False)

    op.create_table(
        "role_policies",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=True),
        sa.Column("gpu_s", sa.Integer(), nullable=True),
        sa.Column("max_running", sa.Integer(), nullable=True),
        sa.Column("max_waiting", sa.Integer(), nullable=True),
        sa.Column("has_priority", sa.Boolean(), nullable=False),
        sa.Column("is_unlimited", sa.Boolean(), nullable=False),
        sa.Column("may_generate", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("guild_id", "role_id", name=op.f("pk_role_policies")),
    )
    with op.batch_alter_table("charges", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("gpu_ms", sa.BigInteger(), nullable=False, server_default="0")
        )

    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lane", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("workload", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("stepped_out_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("sampled_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("gpu_ms", sa.BigInteger(), nullable=True))
        batch_op.create_index(
            "ix_generations_in_line", ["guild_id", "state", "user_id"], unique=False
        )

    with op.batch_alter_table("guilds", schema=None) as batch_op:
        batch_op.add_column(sa.Column("quota_unit", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("quota_period", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("role_rule", sa.String(length=8), nullable=True))
        batch_op.alter_column("daily_limit", new_column_name="pictures")
        batch_op.add_column(sa.Column("gpu_s", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("guilds", schema=None) as batch_op:
        batch_op.drop_column("gpu_s")
        batch_op.alter_column("pictures", new_column_name="daily_limit")
        batch_op.drop_column("role_rule")
        batch_op.drop_column("quota_period")
        batch_op.drop_column("quota_unit")

    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.drop_index("ix_generations_in_line")
        batch_op.drop_column("gpu_ms")
        batch_op.drop_column("sampled_at")
        batch_op.drop_column("stepped_out_at")
        batch_op.drop_column("workload")
        batch_op.drop_column("lane")

    with op.batch_alter_table("charges", schema=None) as batch_op:
        batch_op.drop_column("gpu_ms")

    op.drop_table("role_policies")
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_index("ix_grants_of_person")

    op.drop_table("grants")
    op.drop_table("drained_backends")
    op.drop_table("channel_policies")
