"""The HTTP and WebSocket routes of the stand-in ComfyUI."""
