"""How many small changes to the modules that decide something are noticed by their tests."""
