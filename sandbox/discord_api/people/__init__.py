"""People on the stand-in Discord: what they do and fill in."""
