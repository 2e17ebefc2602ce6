"""Accepting requests: what is asked for, by whom, and what is made of it."""
