"""Prompt syntax: wildcards, alternatives and LoRA tags."""
