"""An asynchronous ComfyUI client, usable alone."""
