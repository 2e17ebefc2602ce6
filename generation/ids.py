"""Ids of generations: short, and easy to read aloud and type."""

ID_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
"""32 characters that are not confused when read or typed: no 0, 1, l, o."""

ID_CHARACTERS = 5
"""Length of an id: 33 million ids."""

MAX_ID_CHARACTERS = 12


def normalise_id(typed: str) -> str:
    """Normalize an id as people type or paste it: keep only characters that ids have."""
    kept = (character for character in typed.strip().lower() if character in ID_ALPHABET)
    return "".join(kept)[:MAX_ID_CHARACTERS]
