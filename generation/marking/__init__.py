"""Marks in files that say that they were made by AI."""
