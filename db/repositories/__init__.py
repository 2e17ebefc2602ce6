"""Repositories: reading and writing rows inside a caller's transaction."""
