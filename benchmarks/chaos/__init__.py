"""Limner between the stand-ins, killed and cut off at random, and audited afterwards."""
