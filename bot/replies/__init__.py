"""Replies to requests: progress, results and follow-up actions."""
