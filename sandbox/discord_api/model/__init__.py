"""The state of the stand-in Discord and the rules it follows."""
