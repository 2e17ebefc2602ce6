"""The Discord front end: collects requests from people and renders their results."""
