"""Model files that a workflow loads: their folders and sources."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from workflows.manifest import InputType, Model
from workflows.untrusted import as_dict, as_dicts
from workflows.workflow import Workflow

MODEL_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft", ".onnx")

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
    "bg_removal_name": "background_removal",
}
_CLASS_FOLDERS = {
    "UpscaleModelLoader": "upscale_models",
    "CLIPVisionLoader": "clip_vision",
    "LatentUpscaleModelLoader": "latent_upscale_models",
    "ModelPatchLoader": "model_patches",
    "FrameInterpolationModelLoader": "frame_interpolation",
    "LoadDA3Model": "geometry_estimation",
    "LoadMoGeModel": "geometry_estimation",
}
_TEXT_ENCODERS = "text_encoders"
"""ComfyUI's folders by input (`folder_paths.folder_names_and_paths`)."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that a workflow loads, with its entry in the manifest.

    `folder` is below ComfyUI's models folder. `class_type` and `input_name` say which list of a
    backend has it.
    """

    name: str
    folder: str | None
    class_type: str
    input_name: str
    source: Model | None = None

    @property
    def url(self) -> str | None:
        """Where to download it, if known."""
        return self.source.url if self.source else None


def find_model_files(workflow: Workflow) -> tuple[ModelFile, ...]:
    """Return every file that the workflow's nodes load, once for each folder."""
    sources = {model.name: model for model in workflow.manifest.models}
    found: dict[tuple[str, str | None], ModelFile] = {}
    for each in workflow.manifest.inputs:
        if each.type not in (InputType.CHECKPOINT, InputType.LORA):
            continue
        for slot in each.slots:
            node = workflow.graph[slot.node_id]
            name, class_type = node["inputs"].get(slot.input_name), str(node["class_type"])
            if not isinstance(name, str):
                continue
            source = sources.get(name)
            folder = source.folder if source else _folder(class_type, slot.input_name)
            model = ModelFile(name, folder, class_type, slot.input_name, source)
            found.setdefault((name, folder), model)
    return tuple(found.values())


def with_model_sources(workflow: Workflow, export: Mapping[str, Any] | None) -> Workflow:
    """Add the editor's model sources to a workflow whose manifest has none."""
    if export is None or workflow.manifest.models:
        return workflow
    told = {_file_name(model.name): model for model in _told(export)}
    models = tuple(
        told[name].model_copy(update={"name": file.name})
        for file in find_model_files(workflow)
        if (name := _file_name(file.name)) in told
    )
    manifest = workflow.manifest.model_copy(update={"models": models})
    return replace(workflow, manifest=manifest)


def _file_name(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _folder(class_type: str, input_name: str) -> str | None:
    if class_type in _CLASS_FOLDERS:
        return _CLASS_FOLDERS[class_type]
    if input_name.startswith("clip_name") or input_name == "text_encoder":
        return _TEXT_ENCODERS
    return _FOLDERS.get(input_name)


def _told(raw: Mapping[str, Any]) -> Iterator[Model]:
    """Return the editor's model sources: of the whole file, and of each node."""
    for table in as_dicts(raw.get("models")):
        # Other hashes than SHA-256 are not checked.
        is_known = str(table.get("hash_type", "")).upper().replace("-", "") == "SHA256"
        given = {key: table.get(key) for key in ("name", "url")} | {
            "folder": table.get("directory"),
            "sha256": str(table.get("hash")).lower() if is_known else None,
        }
        with contextlib.suppress(ValidationError):  # an entry without a name, a folder or a URL
            yield Model.model_validate(given)
    for node in as_dicts(raw.get("nodes")):
        yield from _told({"models": as_dict(node.get("properties")).get("models")})
    for one in as_dicts(as_dict(raw.get("definitions")).get("subgraphs")):
        yield from _told({"nodes": one.get("nodes")})
