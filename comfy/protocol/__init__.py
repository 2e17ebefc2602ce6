"""ComfyUI's messages and documents, parsed into plain values."""
