"""Detection of file inputs: files that people attach, and models that are loaded."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from workflows.graph import Link, Slot
from workflows.infer.found import Found, Role
from workflows.infer.view import GraphView
from workflows.model_files import MODEL_SUFFIXES

_UPLOADS = {"image": Role.IMAGE, "video": Role.VIDEO, "audio": Role.AUDIO}
_MODEL_INPUT = re.compile(
    r"name|model|ckpt|checkpoint|lora|vae|unet|gguf|clip|file|path|weights|embedding", re.IGNORECASE
)
"""Names of text inputs that name a model file, where the class has no list."""

_PARTS = {
    "image": re.compile(r"\b(first|start)[ _]?(frame|image)|^(first|start)$", re.IGNORECASE),
    "last_image": re.compile(r"\b(last|end)[ _]?(frame|image)|^(last|end)$", re.IGNORECASE),
    "pose": re.compile(r"\bpose\b|pose_(video|image)", re.IGNORECASE),
    "reference": re.compile(r"\bref(erence)?(_|\b)|ref_image", re.IGNORECASE),
    "front": re.compile(r"^front$", re.IGNORECASE),
    "back": re.compile(r"^back$", re.IGNORECASE),
    "left": re.compile(r"^left$", re.IGNORECASE),
    "right": re.compile(r"^right$", re.IGNORECASE),
}
"""Names for one of several pictures, by words in its title or in the input it is connected to."""

_SEEN = frozenset({"IMAGE", "MASK", "CLIP_VISION_OUTPUT"})
_NUMBER = re.compile(r"image_?(\d+)$")

_MASK = "MASK"


def find_media(view: GraphView, live: Sequence[str]) -> list[Found]:
    """Return the pictures, masks, videos and sounds that people attach.

    In the graph's order, except that numbered inputs go by number, and a last frame goes last.
    """
    found = [one for node_id in live for one in _attached(view, node_id)]
    if [one.name for one in found].count("last_image") > 1:
        # Key frames: each is the last one of its part alone.
        found = [replace(one, name="image") if one.name == "last_image" else one for one in found]
    return sorted(found, key=lambda one: (one.name == "last_image", _number(view, one)))


def _number(view: GraphView, found: Found) -> int:
    """Return the number of the input that a picture is connected to, if it has any."""
    if not found.slots:
        return 0
    words = _words_about(view, found.slots[0].node_id)
    numbers = (match[1] for one in words if (match := _NUMBER.search(one)))
    return int(next(numbers, 0))


def find_models(view: GraphView, live: Sequence[str]) -> list[Found]:
    """Return the model files that are loaded; only a checkpoint and its LoRA are offered.

    ComfyUI requires those of unused branches, too.
    """
    files = [slot for node_id in live for slot in view.literals(node_id) if is_model(view, slot)]
    checkpoints = [slot for slot in files if slot.input_name == "ckpt_name"]
    values = {view.value(slot) for slot in checkpoints if _draws(view, slot)}
    loras = [slot for slot in files if slot.input_name.startswith("lora")]
    found: list[Found] = []
    for slot in files:
        shown = len(values) == 1 and view.value(slot) in values and slot in checkpoints
        title = view.title(slot.node_id)
        if shown:
            found.append(Found(Role.MODEL, (slot,), f"It is the checkpoint of {title}.", "model"))
        elif len(values) == 1 and loras == [slot]:
            found += _lora(view, slot)
        else:
            reason = f"It is a model that {title} loads."
            found.append(Found(Role.FILE, (slot,), reason, slot.input_name, is_hidden=True))
    return found


def is_model(view: GraphView, slot: Slot) -> bool:
    """Return whether an input names a model file."""
    value, spec = view.value(slot), view.spec(slot)
    if not isinstance(value, str) or not value.lower().endswith(MODEL_SUFFIXES):
        return False
    if view.upload(slot) is not None:
        return False
    if spec is not None and spec.type == "COMBO":
        return True
    # A text that ends in the name of a file, such as an embedding's, is still a text.
    is_line = (spec is None or not spec.multiline) and len(value.splitlines()) == 1
    return is_line and bool(_MODEL_INPUT.search(slot.input_name)) and view.type_of(slot) == "STRING"


def media_role(view: GraphView, slot: Slot) -> Role | None:
    """Return what people attach for an input, if anything."""
    role = _UPLOADS.get(view.upload(slot) or "")
    if role is Role.IMAGE and _is_only_mask(view, slot.node_id):
        return Role.MASK
    return role


def _attached(view: GraphView, node_id: str) -> Iterator[Found]:
    for slot in view.literals(node_id):
        role = media_role(view, slot)
        if role is None:
            continue
        title = view.title(node_id)
        name = _name(view, node_id, role)
        if role is Role.MASK and not _takes_colours(view, node_id):
            reason = f"Only the mask of {title} is used."
            yield Found(role, (slot,), reason, name, replaces=node_id)
            continue
        yield Found(role, (slot,), f"It is the {role} that {title} takes.", name)
        if role is Role.IMAGE and any(link.output == 1 for link in _used(view, node_id)):
            reason = f"The mask of {title} is used: without one, what is transparent is."
            yield Found(Role.MASK, (), reason, "mask", replaces=node_id)


def _name(view: GraphView, node_id: str, role: Role) -> str:
    """Return a file's name from its title, or from the input it is connected to."""
    if role in {Role.VIDEO, Role.AUDIO}:
        return role.value
    for words in _words_about(view, node_id):
        for name, pattern in _PARTS.items():
            if pattern.search(words):
                return name
    return role.value


def _words_about(view: GraphView, node_id: str) -> Iterator[str]:
    """Yield a node's own title, then the names of inputs downstream, the nearest first."""
    own = view.own_title(node_id)
    if own is not None:
        yield own
    waiting, seen = [node_id], {node_id}
    while waiting:
        users = [slot for one in waiting for slot, _ in view.users(one)]
        yield from (one.input_name for one in users)
        # Its output is no picture, so the names of its inputs are not about this one.
        waiting = [
            one.node_id
            for one in users
            if one.node_id not in seen and not _SEEN.isdisjoint(view.outputs(one.node_id))
        ]
        seen.update(waiting)


def _used(view: GraphView, node_id: str) -> set[Link]:
    return {link for _, link in view.users(node_id)}


def _is_only_mask(view: GraphView, node_id: str) -> bool:
    used = _used(view, node_id)
    types = {view.output_type(link) for link in used}
    if not used:
        return False
    if types == {_MASK}:
        return True
    return all(_becomes_mask(view, slot) for slot, _ in view.users(node_id))


def _becomes_mask(view: GraphView, slot: Slot) -> bool:
    return view.outputs(slot.node_id) == (_MASK,)


def _takes_colours(view: GraphView, node_id: str) -> bool:
    """Return whether the mask is read from white and black, not from transparency."""
    if "channel" in view.graph[node_id]["inputs"]:
        return view.value(Slot(node_id, "channel")) != "alpha"
    return all(view.output_type(link) != _MASK for link in _used(view, node_id))


def _draws(view: GraphView, slot: Slot) -> bool:
    return "MODEL" in (view.outputs(slot.node_id) or ("MODEL",))


def _lora(view: GraphView, slot: Slot) -> Iterator[Found]:
    title = view.title(slot.node_id)
    yield Found(Role.LORA, (slot,), f"It is the LoRA of {title}.", "lora")
    for strength in view.literals(slot.node_id):
        if strength.input_name.startswith("strength"):
            reason = f"It is how strongly {title} acts."
            yield Found(Role.LORA_STRENGTH, (strength,), reason, "lora_strength")
