"""What people may write into a prompt beside words: wildcards and LoRA tags."""
