"""Limits and allowances of people and servers."""
