"""Measures what Limner costs, in ratios that anyone can repeat with one command."""
