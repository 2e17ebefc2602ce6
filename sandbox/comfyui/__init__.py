"""A stand-in ComfyUI: the recorded protocol on real sockets, painting with Pillow on the CPU."""

from sandbox.comfyui.models import ModelFolders
from sandbox.comfyui.server import ComfyUIStandIn
from sandbox.comfyui.transcript import Transcript

__all__ = ["ComfyUIStandIn", "ModelFolders", "Transcript"]
