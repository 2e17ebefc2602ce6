"""Allow one closing entry of each charge, so that closing it needs no lock."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_IS_CLOSING = sa.text("kind IN ('charge', 'refund')")


def upgrade() -> None:
    op.create_index(
        "ux_charges_closing",
        "charges",
        ["generation_id"],
        unique=True,
        sqlite_where=_IS_CLOSING,
        postgresql_where=_IS_CLOSING,
    )


def downgrade() -> None:
    op.drop_index("ux_charges_closing", "charges")
