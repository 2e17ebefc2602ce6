"""Simulated users of the stand-in Discord."""
