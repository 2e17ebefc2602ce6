"""The installed node classes, as a real server describes them, and model files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final

ModelFolders = Mapping[str, Sequence[str]]

DEFAULT_MODELS: Final[ModelFolders] = {
    "checkpoints": (
        "ace_step_1.5_turbo_aio.safetensors",
        "dreamshaper_8.safetensors",
        "hunyuan_3d_v2.1.safetensors",
        "juggernautXL_v9.safetensors",
        "ltx-2.3-22b-distilled-fp8.safetensors",
        "sam3.1_multiplex_fp16.safetensors",
        "sd3.5_large_fp8_scaled.safetensors",
        "sd_xl_base_1.0.safetensors",
        "sdpose_wholebody_fp16.safetensors",
        "stable_audio_3_medium.safetensors",
        "v1-5-pruned-emaonly-fp16.safetensors",
    ),
    "diffusion_models": (
        "flux-2-klein-4b-fp8.safetensors",
        "flux1-dev-kontext_fp8_scaled.safetensors",
        "flux1-dev.safetensors",
        "flux1-fill-dev.safetensors",
        "flux1-schnell.safetensors",
        "qwen_image_2512_fp8_e4m3fn.safetensors",
        "qwen_image_edit_2511_fp8mixed.safetensors",
        "seedvr2_3b_int8_convrot.safetensors",
        "wan2.2_ti2v_5B_fp16.safetensors",
        "z_image_turbo_bf16.safetensors",
    ),
    "text_encoders": (
        "clip_g.safetensors",
        "clip_l.safetensors",
        "gemma_3_12B_it_fp4_mixed.safetensors",
        "qwen3vl_4b_fp8_scaled.safetensors",
        "qwen_2.5_vl_7b_fp8_scaled.safetensors",
        "qwen_3_4b.safetensors",
        "t5gemma_b_b_ul2.safetensors",
        "t5xxl_fp16.safetensors",
        "t5xxl_fp8_e4m3fn.safetensors",
        "t5xxl_fp8_e4m3fn_scaled.safetensors",
        "umt5_xxl_fp8_e4m3fn_scaled.safetensors",
    ),
    "vae": (
        "ae.safetensors",
        "flux2-vae.safetensors",
        "qwen_image_vae.safetensors",
        "seedvr2_ema_vae_fp16.safetensors",
        "vae-ft-mse-840000-ema-pruned.safetensors",
        "wan2.2_vae.safetensors",
    ),
    "loras": ("gold_leaf.safetensors", "ink_wash.safetensors", "pastel_dream.safetensors"),
    "upscale_models": (
        "4x-UltraSharp.pth",
        "RealESRGAN_x2plus.pth",
        "RealESRGAN_x4plus.safetensors",
    ),
    "controlnet": ("controlnet-union-sdxl-promax.safetensors",),
    "geometry_estimation": ("depth_anything_3_mono_large.safetensors",),
    "background_removal": ("birefnet.safetensors",),
    "embeddings": ("easynegative.safetensors",),
}

FOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "0.33.0": (
        "checkpoints",
        "configs",
        "loras",
        "vae",
        "text_encoders",
        "diffusion_models",
        "clip_vision",
        "style_models",
        "embeddings",
        "diffusers",
        "vae_approx",
        "controlnet",
        "gligen",
        "upscale_models",
        "latent_upscale_models",
        "custom_nodes",
        "datasets",
        "hypernetworks",
        "photomaker",
        "classifiers",
        "model_patches",
        "audio_encoders",
        "background_removal",
        "frame_interpolation",
        "geometry_estimation",
        "optical_flow",
        "detection",
    ),
    "0.3.64": (
        "checkpoints",
        "configs",
        "loras",
        "vae",
        "text_encoders",
        "diffusion_models",
        "clip_vision",
        "style_models",
        "embeddings",
        "diffusers",
        "vae_approx",
        "controlnet",
        "gligen",
        "upscale_models",
        "custom_nodes",
        "hypernetworks",
        "photomaker",
        "classifiers",
        "model_patches",
        "audio_encoders",
    ),
}

_FOLDER_OF_INPUT: Final[Mapping[str, str]] = {
    "ckpt_name": "checkpoints",
    "unet_name": "diffusion_models",
    "clip_name": "text_encoders",
    "clip_name1": "text_encoders",
    "clip_name2": "text_encoders",
    "clip_name3": "text_encoders",
    "vae_name": "vae",
    "text_encoder": "text_encoders",
    "lora_name": "loras",
    "control_net_name": "controlnet",
    "bg_removal_name": "background_removal",
    "UpscaleModelLoader.model_name": "upscale_models",
    "LoadDA3Model.model_name": "geometry_estimation",
}
"""The folder of each input's files, by its name, or with its class where others share the name."""


def load_node_classes(version: str) -> dict[str, Any]:
    """Load the node classes of a version, with empty lists in place of its files."""
    name = f"object_info_{version}.json"
    text = resources.files("sandbox.comfyui").joinpath("data", name).read_text(encoding="utf-8")
    classes: dict[str, Any] = json.loads(text)
    return classes


@dataclass
class Installation:
    """The node classes and model files of one server; `missing` classes are not installed."""

    version: str
    models: ModelFolders
    missing: frozenset[str] = frozenset()
    classes: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Read the classes of this version from the package."""
        classes = load_node_classes(self.version)
        self.classes = {name: info for name, info in classes.items() if name not in self.missing}

    def object_info(self, class_type: str, input_files: Sequence[str]) -> dict[str, Any] | None:
        """Describe a class with the current files, as GET /object_info does."""
        if class_type not in self.classes:
            return None
        info = self.classes[class_type]
        inputs = {
            section: {
                name: self._fill(class_type, name, spec, input_files)
                for name, spec in described.items()
            }
            for section, described in info["input"].items()
        }
        return {**info, "input": inputs}

    @property
    def folders(self) -> tuple[str, ...]:
        """The model folders this version knows."""
        return FOLDERS[self.version]

    def files(self, folder: str) -> list[str] | None:
        """List the model files of a folder, or None when there is no such folder."""
        if folder not in FOLDERS[self.version]:
            return None
        return list(self.models.get(folder, ()))

    def _fill(
        self, class_type: str, name: str, spec: list[Any], input_files: Sequence[str]
    ) -> list[Any]:
        folder = _FOLDER_OF_INPUT.get(name) or _FOLDER_OF_INPUT.get(f"{class_type}.{name}")
        if folder is not None:
            choices = list(self.models.get(folder, ()))
        elif name == "image" and spec[0] != "IMAGE":
            choices = list(input_files)
        else:
            return spec
        if spec[0] == "COMBO":
            return [spec[0], {**spec[1], "options": choices}]
        if isinstance(spec[0], list):
            return [choices + spec[0], *spec[1:]]
        return spec
