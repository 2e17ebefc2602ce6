"""The workflow library: inspecting, adding and describing workflows."""
