"""Slash commands, one module each. They collect options and render answers; the core decides."""
