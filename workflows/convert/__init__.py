"""Conversion of the editor's format into the API format of ComfyUI."""

from workflows.convert.conversion import Conversion, convert

__all__ = ["Conversion", "convert"]
