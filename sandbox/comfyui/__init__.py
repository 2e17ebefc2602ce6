"""A stand-in ComfyUI server: the recorded protocol on real sockets, pictures drawn with Pillow."""

from sandbox.comfyui.models import ModelFolders
from sandbox.comfyui.server import ComfyUIStandIn
from sandbox.comfyui.transcript import Transcript

__all__ = ["ComfyUIStandIn", "ModelFolders", "Transcript"]
