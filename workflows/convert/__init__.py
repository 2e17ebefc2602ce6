"""From what ComfyUI's editor saves to the graph that its API takes."""

from workflows.convert.conversion import Conversion, convert

__all__ = ["Conversion", "convert"]
