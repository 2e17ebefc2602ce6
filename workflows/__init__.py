"""Workflows: the files people drop in, and the code that reads them."""
