"""Store files on PostgreSQL without compression: they are compressed already.

PostgreSQL tries to compress every large value, and does not give up when the first kilobyte
becomes smaller, as the metadata of pictures does: 30 ms for a result of 1.5 MB.
https://www.postgresql.org/docs/current/storage-toast.html
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_COLUMNS = (("inputs", "content"), ("outputs", "thumbnail"), ("output_contents", "content"))


def upgrade() -> None:
    _store("EXTERNAL")


def downgrade() -> None:
    _store("EXTENDED")


def _store(how: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, column in _COLUMNS:
            # Of new values; those that are stored are not rewritten.
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE {how}")
