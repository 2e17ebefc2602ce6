"""Why nothing can be signed."""


class KeyUnusable(Exception):
    """Nothing can be signed with the file; the message says why, without its content."""
