"""Stand-ins and helpers that tests import."""
