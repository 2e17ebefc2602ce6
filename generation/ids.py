"""Ids of generations: short words that people can read aloud and type."""

ID_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
"""32 characters that nobody confuses when they read or type them: no 0, 1, l, o."""

ID_CHARACTERS = 5
"""33 million ids, short enough to say aloud."""

MAX_ID_CHARACTERS = 12


def normalise_id(typed: str) -> str:
    """A generation id as people type or paste it; nothing else gets as far as the database."""
    kept = (character for character in typed.strip().lower() if character in ID_ALPHABET)
    return "".join(kept)[:MAX_ID_CHARACTERS]
