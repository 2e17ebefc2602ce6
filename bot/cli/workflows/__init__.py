"""`limner workflows` and `limner models`."""
