"""Inference of a workflow's kind from the results and inputs of its graph."""

import re
from collections.abc import Collection, Sequence

from workflows.infer.found import Found, Role
from workflows.infer.prompt_groups import DRAWN
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
"""Nodes that produce another medium than they are given: videos of pictures, text of anything."""

_FORMS = ("MESH", "VOXEL", "FILE_3D", "SPLAT", "POINT")
_UPSCALERS = frozenset({"UPSCALE_MODEL"})
_UPSCALING = re.compile(r"upscale|^SeedVR", re.IGNORECASE)
_GUIDES = frozenset({"CONDITIONING", "MODEL"})
_PICTURES = frozenset({"IMAGE", "LATENT", "CLIP_VISION_OUTPUT", "STYLE_MODEL"})
_PADDERS = frozenset({"ImagePadForOutpaint"})
"""Nodes that add an area to be painted around a picture."""

_MASKERS = frozenset({"InpaintModelConditioning"})


def results_of(view: GraphView, ends: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds of results in plain words: pictures, videos, sounds, texts, 3D models."""
    words = [
        _WRITERS.get(view.class_of(node_id)) or _word(view.output_type(link))
        for node_id in ends
        for _, link in view.linked(node_id)
    ]
    return tuple(dict.fromkeys(word for word in words if word is not None))


def guess_kind(
    view: GraphView, live: Collection[str], found: Sequence[Found], results: Collection[str]
) -> Kind:
    """Return the kind by which commands select the workflow; OTHER for none of them."""
    roles = [one.role for one in found if not one.is_hidden]
    if "3D models" in results:
        return Kind.OTHER if {Role.PROMPT, Role.IMAGE}.isdisjoint(roles) else Kind.THREE_D
    if "videos" in results:
        return _kind_of_video(roles)
    if "pictures" in results:
        takes_other = not {Role.VIDEO, Role.AUDIO}.isdisjoint(roles)
        return Kind.OTHER if takes_other else _kind_of_picture(view, live, roles)
    if "sounds" in results:
        return Kind.AUDIO if Role.PROMPT in roles else Kind.OTHER
    return _kind_of_text(roles) if "texts" in results else Kind.OTHER


def _kind_of_text(roles: Sequence[Role]) -> Kind:
    if Role.IMAGE in roles:
        return Kind.DESCRIBE
    is_of_text = Role.PROMPT in roles and {Role.VIDEO, Role.AUDIO}.isdisjoint(roles)
    return Kind.ENHANCE if is_of_text else Kind.OTHER


def _kind_of_video(roles: Sequence[Role]) -> Kind:
    if Role.VIDEO in roles:
        return Kind.OTHER
    if Role.IMAGE in roles:
        return Kind.IMG2VID
    return Kind.TXT2VID if Role.PROMPT in roles and Role.AUDIO not in roles else Kind.OTHER


def _kind_of_picture(view: GraphView, live: Collection[str], roles: Sequence[Role]) -> Kind:
    has_image = Role.IMAGE in roles
    if Role.PROMPT not in roles:
        return Kind.UPSCALE if has_image and _upscales(view, live) else Kind.OTHER
    if not _paints(view, live):
        return Kind.OTHER
    return _kind_of_edit(view, live, roles) if has_image else Kind.TXT2IMG


def _kind_of_edit(view: GraphView, live: Collection[str], roles: Sequence[Role]) -> Kind:
    if roles.count(Role.IMAGE) > 1:
        return Kind.EDIT
    if any(view.class_of(node_id) in _PADDERS for node_id in live):
        return Kind.OUTPAINT
    if _is_masked(view, live):
        return Kind.INPAINT
    return Kind.EDIT if _is_guided_by_picture(view, live) else Kind.IMG2IMG


def _paints(view: GraphView, live: Collection[str]) -> bool:
    """Return whether the prompt describes the picture, and not what to detect in one."""
    for node_id in live:
        types = view.outputs(node_id)
        if not types and not view.is_known(node_id):
            return True
        arriving = {view.output_type(link) for _, link in view.linked(node_id)}
        if "CONDITIONING" in arriving and not DRAWN.isdisjoint(types):
            return True
        has_prompt = any("prompt" in slot.input_name for slot in view.slots(node_id))
        if has_prompt and "IMAGE" in types:
            return True
    return False


def _is_guided_by_picture(view: GraphView, live: Collection[str]) -> bool:
    """Return whether a picture conditions the sampler, and is not only its start.

    That is the case if it is encoded along with a text, used as reference, or applied to the model.
    """
    for node_id in live:
        guides = not _GUIDES.isdisjoint(view.outputs(node_id))
        if not guides or view.class_of(node_id) in _MASKERS:
            continue
        arriving = {view.output_type(link) for _, link in view.linked(node_id)}
        if not arriving.isdisjoint(_PICTURES):
            return True
    return False


def _word(kind: str) -> str | None:
    if kind in _RESULTS:
        return _RESULTS[kind]
    return "3D models" if kind.startswith(_FORMS) else None


def _is_masked(view: GraphView, live: Collection[str]) -> bool:
    """Return whether a mask decides what is repainted."""
    return any(
        view.output_type(link) == "MASK" and "LATENT" in view.outputs(node_id)
        for node_id in live
        for _, link in view.linked(node_id)
    )


def _upscales(view: GraphView, live: Collection[str]) -> bool:
    return any(
        not _UPSCALERS.isdisjoint(view.outputs(node_id))
        or _UPSCALING.search(view.class_of(node_id)) is not None
        for node_id in live
    )
