"""Moderation: blocks, watched words, image checks and review."""
