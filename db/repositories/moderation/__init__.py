"""Repositories of what moderators decide, and of what they decide about."""
