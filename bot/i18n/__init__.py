"""Translations of the texts shown to people."""
