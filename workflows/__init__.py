"""Workflows: reading, converting and describing the files that people provide."""
