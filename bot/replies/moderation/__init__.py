"""Review messages, their buttons, and the modal that reports a result."""
