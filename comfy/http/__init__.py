"""HTTP towards a backend: requests, bounded responses, TLS, and which addresses are public."""
