"""Requests: validation, access, acceptance and derivation from earlier results."""
