"""Marks that say of a file that a machine made it."""
