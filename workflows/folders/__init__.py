"""Workflow files on disk: folders of them, their layout, loading, and the folder to add to."""
