"""What a graph makes, and of what."""

from collections.abc import Collection, Sequence

from workflows.infer.found import Found, Role
from workflows.infer.view import GraphView
from workflows.manifest import Kind

_RESULTS = {
    "IMAGE": "pictures",
    "VIDEO": "videos",
    "AUDIO": "sounds",
    "STRING": "texts",
    "MASK": "pictures",
    "LATENT": "latents",
}
_WRITERS = {"SaveWEBM": "videos", "VHS_VideoCombine": "videos", "PreviewAny": "texts"}
"""Nodes that make something else of what they are given: films of pictures, text of anything."""

_FORMS = ("MESH", "VOXEL", "FILE_3D", "SPLAT", "POINT")
_UPSCALERS = frozenset({"UPSCALE_MODEL"})


def results_of(view: GraphView, ends: Sequence[str]) -> tuple[str, ...]:
    """What the results are, in plain words: pictures, videos, sounds, texts, 3D models."""
    words = [
        _WRITERS.get(view.class_of(node_id)) or _word(view.output_type(link))
        for node_id in ends
        for _, link in view.linked(node_id)
    ]
    return tuple(dict.fromkeys(word for word in words if word is not None))


def guess_kind(
    view: GraphView, live: Collection[str], found: Sequence[Found], results: Collection[str]
) -> Kind:
    """The kind by which `/imagine` picks a workflow; other for what it would not be picked for."""
    shown = [one for one in found if not one.is_hidden]
    roles = [one.role for one in shown]
    if "pictures" not in results or not {"videos", "sounds", "3D models"}.isdisjoint(results):
        return Kind.OTHER
    if not {Role.VIDEO, Role.AUDIO}.isdisjoint(roles) or roles.count(Role.IMAGE) > 1:
        return Kind.OTHER
    has_prompt, has_image = roles.count(Role.PROMPT) == 1, Role.IMAGE in roles
    if has_prompt and has_image:
        return Kind.INPAINT if Role.MASK in roles and _is_masked(view, live) else Kind.IMG2IMG
    if has_prompt:
        return Kind.TXT2IMG
    return Kind.UPSCALE if has_image and _upscales(view, live) else Kind.OTHER


def _word(kind: str) -> str | None:
    if kind in _RESULTS:
        return _RESULTS[kind]
    return "3D models" if kind.startswith(_FORMS) else None


def _is_masked(view: GraphView, live: Collection[str]) -> bool:
    """Whether a mask decides what is painted anew."""
    return any(
        view.output_type(link) == "MASK" and "LATENT" in view.outputs(node_id)
        for node_id in live
        for _, link in view.linked(node_id)
    )


def _upscales(view: GraphView, live: Collection[str]) -> bool:
    return any(
        not _UPSCALERS.isdisjoint(view.outputs(node_id))
        or "upscale" in view.class_of(node_id).casefold()
        for node_id in live
    )
