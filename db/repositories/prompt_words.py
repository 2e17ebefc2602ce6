"""Full-text search in prompts, with each database's own index.

SQLite has a separate table for it, which is written here; PostgreSQL maintains an index itself.
Migrations create both: they are not in the models.
"""

import re
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
)
from sqlalchemy.orm import Session

from db.dialect import is_postgresql
from db.tables import GenerationRow

WORDS_TABLE = "generation_words"
WORDS_INDEX = "ix_generations_words"

_words = table(WORDS_TABLE, column("prompt"), column("generation_id"))

_REMEMBER = insert(_words)

_WORD = re.compile(r"[^\W_]+")
_UNSPLIT = re.compile(
    r"[\u0591-\u05c7\u064b-\u065f\u0670"
    r"\u0900-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"
)
"""Vowel signs, at which PostgreSQL splits words, and scripts without spaces between words: the
beginning of a word cannot be found."""


def remember(session: Session, generation_id: str, prompt: str) -> None:
    """Add a prompt to the index."""
    if not is_postgresql(session):
        row = {"prompt": prompt, "generation_id": generation_id}
        session.execute(_REMEMBER, row)


def forget(session: Session, generations: Select[Any]) -> None:
    """Remove these generations' prompts from the index, before they are changed or deleted.

    Reads the whole table: call it for many at once.
    """
    if not is_postgresql(session):
        session.execute(delete(_words).where(_words.c.generation_id.in_(generations)))


def find(session: Session, search: str, *, is_personal: bool = False) -> ColumnElement[bool]:
    """Return the condition for prompts with words that begin like these, ignoring case.

    Without words to search for, prompts that contain the text anywhere. `is_personal` says that
    another condition leaves one person's prompts: these are read one by one on SQLite, which would
    first list everybody's with such words.
    """
    words = _WORD.findall(search)
    if not words or _UNSPLIT.search(search):
        return GenerationRow.prompt.icontains(search, autoescape=True)
    if is_postgresql(session):
        asked = func.to_tsquery("simple", " & ".join(f"{word}:*" for word in words))
        # Written out: PostgreSQL does not use the expression's index for a parameter.
        vector = func.to_tsvector(literal_column("'simple'"), GenerationRow.prompt)
        return vector.bool_op("@@")(asked)
    if is_personal:
        return func.has_words(GenerationRow.prompt, " ".join(words))
    beginnings = " ".join(f'"{word}"*' for word in words)
    is_match = literal_column(WORDS_TABLE).op("MATCH")(beginnings)
    return GenerationRow.id.in_(select(_words.c.generation_id).where(is_match))
