"""The console commands of `limner`."""
