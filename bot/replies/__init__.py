"""Replies to requests: progress, results and what can be done with them."""
