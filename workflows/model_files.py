"""The model files that a workflow names: their folders, and where they are to be had."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.manifest import InputType
from workflows.workflow import Workflow

_FOLDERS = {
    "ckpt_name": "checkpoints",
    "unet_name": "diffusion_models",
    "vae_name": "vae",
    "lora_name": "loras",
    "control_net_name": "controlnet",
    "style_model_name": "style_models",
    "gligen_name": "gligen",
    "hypernetwork_name": "hypernetworks",
    "audio_encoder_name": "audio_encoders",
    "photomaker_model_name": "photomaker",
}
_CLASS_FOLDERS = {
    "UpscaleModelLoader": "upscale_models",
    "CLIPVisionLoader": "clip_vision",
    "LatentUpscaleModelLoader": "latent_upscale_models",
    "ModelPatchLoader": "model_patches",
    "FrameInterpolationModelLoader": "frame_interpolation",
}
_TEXT_ENCODERS = "text_encoders"
"""ComfyUI's folder of each input's files (`folder_paths.folder_names_and_paths`)."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file: `folder` below ComfyUI's models, and `url` as the workflow's author gave it.

    `class_type` and `input_name` say which list of a backend has it.
    """

    name: str
    folder: str | None
    url: str | None
    class_type: str
    input_name: str


def find_model_files(workflow: Workflow, export: Mapping[str, Any] | None) -> tuple[ModelFile, ...]:
    """Every file that the workflow's nodes load, each once for each folder."""
    told = dict(_told(export or {}))
    found: dict[tuple[str, str | None], ModelFile] = {}
    for each in workflow.manifest.inputs:
        if each.type not in (InputType.CHECKPOINT, InputType.LORA):
            continue
        for slot in each.slots:
            node = workflow.graph[slot.node_id]
            name, class_type = node["inputs"].get(slot.input_name), str(node["class_type"])
            if not isinstance(name, str):
                continue
            folder, url = told.get(name.replace("\\", "/").rpartition("/")[2], (None, None))
            folder = folder or _folder(class_type, slot.input_name)
            model = ModelFile(name, folder, url, class_type, slot.input_name)
            found.setdefault((name, folder), model)
    return tuple(found.values())


def _folder(class_type: str, input_name: str) -> str | None:
    if class_type in _CLASS_FOLDERS:
        return _CLASS_FOLDERS[class_type]
    if input_name.startswith("clip_name") or input_name == "text_encoder":
        return _TEXT_ENCODERS
    return _FOLDERS.get(input_name)


def _told(raw: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    """What the editor's format says of models: of the whole file, and of each node."""
    for one in _tables(raw.get("models")):
        name, folder, url = (one.get(key) for key in ("name", "directory", "url"))
        if isinstance(name, str):
            yield name, (_text(folder), _text(url))
    for node in _tables(raw.get("nodes")):
        properties = node.get("properties")
        yield from _told(
            {"models": properties.get("models")} if isinstance(properties, dict) else {}
        )
    definitions = raw.get("definitions")
    for one in _tables(definitions.get("subgraphs") if isinstance(definitions, dict) else None):
        yield from _told({"nodes": one.get("nodes")})


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _tables(raw: object) -> list[dict[str, Any]]:
    return [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []
