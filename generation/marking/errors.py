"""Errors of signing."""


class KeyUnusable(Exception):
    """The key file cannot be used for signing; the message says why, without its content."""
