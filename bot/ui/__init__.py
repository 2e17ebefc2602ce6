"""Texts, embeds and components, within Discord's limits."""
