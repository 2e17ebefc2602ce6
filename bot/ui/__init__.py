"""Texts and components, within Discord's limits."""
