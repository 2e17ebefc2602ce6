"""Remember which results change a given file, and how servers mark and check."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("edited", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("guild_moderation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("says_ai", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
        batch_op.add_column(
            sa.Column("image_check_inputs", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.execute(
        sa.text(
            "UPDATE generations SET edited = :yes WHERE parent_position IS NULL AND id IN "
            "(SELECT generation_id FROM inputs WHERE name <> 'mask')"
        ).bindparams(sa.bindparam("yes", value=True, type_=sa.Boolean()))
    )


def downgrade() -> None:
    with op.batch_alter_table("guild_moderation", schema=None) as batch_op:
        batch_op.drop_column("image_check_inputs")
        batch_op.drop_column("says_ai")
    with op.batch_alter_table("generations", schema=None) as batch_op:
        batch_op.drop_column("edited")
