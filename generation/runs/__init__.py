"""Running an accepted generation on a backend, up to its recorded end."""
