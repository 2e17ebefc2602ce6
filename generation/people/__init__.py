"""Stored data about a person: preferences, and export and deletion of everything."""
