"""Commands for those who manage a server."""
