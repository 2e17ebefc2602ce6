"""Find prompts by their words."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX ix_generations_words ON generations"
            " USING gin (to_tsvector('simple', prompt))"
        )
        return
    op.execute(
        "CREATE VIRTUAL TABLE generation_words USING fts5("
        "prompt, generation_id UNINDEXED, tokenize = 'unicode61 remove_diacritics 2')"
    )
    op.execute(
        "INSERT INTO generation_words (prompt, generation_id) SELECT prompt, id FROM generations"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_generations_words")
        return
    op.execute("DROP TABLE generation_words")
