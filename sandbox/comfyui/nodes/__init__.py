"""The node classes of the stand-in ComfyUI."""
