"""Drawing the pictures of the stand-in ComfyUI."""
