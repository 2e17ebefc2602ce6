"""The state of the stand-in Discord, and validation of changes to it."""
