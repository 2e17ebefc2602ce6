"""The whole bot between Discord and ComfyUI, beside the least bot that does the same."""
