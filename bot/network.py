"""Failures of the way to Discord: its library lets those of aiohttp through as they are."""

import aiohttp

NETWORK_ERRORS = (aiohttp.ClientError, OSError)
"""TimeoutError is an OSError."""
