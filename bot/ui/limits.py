"""Discord's limits for what is shown, each by its own name."""

EMBED_CHARACTERS = 4000
"""Of the 4,096 that Discord gives a description."""
