"""Chaos test: random faults and kills between the stand-ins, and an audit of the outcome."""
