"""Stand-in servers for Discord and ComfyUI on loopback, for the demo and the tests."""
