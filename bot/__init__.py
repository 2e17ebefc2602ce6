"""The face on Discord: collects what people ask for and renders what comes of it."""
