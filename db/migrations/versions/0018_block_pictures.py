"""Keep hashes of pictures that nobody may use or make."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blocked_pictures",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocked_pictures")),
        sa.UniqueConstraint("guild_id", "hash", name=op.f("uq_blocked_pictures_guild_id_hash")),
    )
    with op.batch_alter_table("guild_moderation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "holds_blocked_pictures", sa.Boolean(), server_default=sa.false(), nullable=False
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("guild_moderation", schema=None) as batch_op:
        batch_op.drop_column("holds_blocked_pictures")
    op.drop_table("blocked_pictures")
