"""Benchmark of the whole bot, compared with a minimal bot that does the same."""
