"""The backends: which of them can take a run, and what they have installed."""
