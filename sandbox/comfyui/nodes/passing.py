"""Node classes that the stand-in does not imitate: their outputs are some of their inputs."""

from collections.abc import Mapping
from typing import Final

from sandbox.comfyui.nodes.running import Inputs, QuickNode, Result, RunContext

_PASSED: Final[Mapping[str, tuple[str, ...]]] = {
    "CFGNorm": ("model",),
    "CLIPSetLastLayer": ("clip",),
    "CLIPVisionEncode": ("image",),
    "CreateVideo": ("images",),
    "DA3Inference": ("image",),
    "DifferentialDiffusion": ("model",),
    "FluxKontextMultiReferenceLatentMethod": ("conditioning",),
    "LTXVAddGuide": ("positive", "negative", "latent"),
    "LTXVAudioVAEDecode": ("samples",),
    "LTXVConcatAVLatent": ("video_latent",),
    "LTXVConditioning": ("positive", "negative"),
    "LTXVCropGuides": ("positive", "negative", "latent"),
    "LTXVImgToVideoInplace": ("latent",),
    "LTXVPreprocess": ("image",),
    "LTXVSeparateAVLatent": ("av_latent", "av_latent"),
    "ModelSamplingAuraFlow": ("model",),
    "ModelSamplingFlux": ("model",),
    "ModelSamplingSD3": ("model",),
    "PrimitiveInt": ("value",),
    "PrimitiveString": ("value",),
    "PrimitiveStringMultiline": ("value",),
    "SDPoseKeypointExtractor": ("image",),
    "SeedVR2PostProcessing": ("images",),
    "SeedVR2Preprocess": ("resized_images",),
    "SetUnionControlNetType": ("control_net",),
    "VAEDecodeAudio": ("samples",),
    "VAEDecodeHunyuan3D": ("samples",),
    "VoxelToMesh": ("voxel",),
}


def _pass(names: tuple[str, ...]) -> QuickNode:
    def run(_: RunContext, inputs: Inputs) -> Result:
        return Result(tuple(inputs[name] for name in names))

    return run


QUICK: Final[Mapping[str, QuickNode]] = {
    class_type: _pass(names) for class_type, names in _PASSED.items()
}
