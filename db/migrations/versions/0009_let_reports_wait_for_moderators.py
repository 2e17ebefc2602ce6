"""Let reports wait for a moderator's decision, those that were made before as well."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OLD = """
    UPDATE reviews SET state = 'reported'
    WHERE state = 'shown' AND generation_id IN (
        SELECT flags.generation_id FROM flags
        JOIN generations ON generations.id = flags.generation_id
        WHERE flags.kind = 'report' AND generations.removed_at IS NULL
    )
"""
_UNREVIEWED = """
    INSERT INTO reviews (generation_id, state, created_at)
    SELECT flags.generation_id, 'reported', MIN(flags.at) FROM flags
    JOIN generations ON generations.id = flags.generation_id
    WHERE flags.kind = 'report' AND generations.removed_at IS NULL
    AND flags.generation_id NOT IN (SELECT generation_id FROM reviews)
    GROUP BY flags.generation_id
"""


def upgrade() -> None:
    _allow("'pending', 'approved', 'refused', 'shown', 'reported'")
    op.execute(sa.text(_OLD))
    op.execute(sa.text(_UNREVIEWED))


def downgrade() -> None:
    op.execute(sa.text("UPDATE reviews SET state = 'shown' WHERE state = 'reported'"))
    _allow("'pending', 'approved', 'refused', 'shown'")


def _allow(states: str) -> None:
    name = op.f("ck_reviews_state")
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"state IN ({states})")
