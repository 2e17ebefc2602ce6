"""A manifest for a graph that has none: what it asks of people, each part with its reason."""
