"""Inference of a manifest for a graph without one, with a reason for each part."""
