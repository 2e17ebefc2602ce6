"""The clients that are compared, each in a module of its own that only its process imports."""
