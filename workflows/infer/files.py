"""Which inputs of a graph take a file: one that people attach, or a model that is loaded."""

import re
from collections.abc import Iterator, Sequence

from workflows.graph import Link, Slot
from workflows.infer.found import Found, Role
from workflows.infer.view import GraphView

MODEL_SUFFIXES = (
    ".safetensors",
    ".ckpt",
    ".pt",
    ".pth",
    ".bin",
    ".gguf",
    ".sft",
    ".onnx",
)
"""How the names of model files end."""

_UPLOADS = {"image": Role.IMAGE, "video": Role.VIDEO, "audio": Role.AUDIO}
_PLAIN = re.compile(r"(image|images|pixels|input|video|audio|file|source|samples|value|frames)\d*")
"""Names of inputs that say no more than the type does."""

_MASK = "MASK"


def find_media(view: GraphView, live: Sequence[str]) -> list[Found]:
    """The pictures, masks, videos and sounds that people attach."""
    return [one for node_id in live for one in _attached(view, node_id)]


def find_models(view: GraphView, live: Sequence[str]) -> list[Found]:
    """The model files that are loaded. Only a checkpoint and its LoRA are offered to people.

    ComfyUI wants to have those of branches that are not taken, too.
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
    """Whether an input names a model file."""
    value = view.value(slot)
    if not isinstance(value, str) or not value.lower().endswith(MODEL_SUFFIXES):
        return False
    return view.upload(slot) is None and view.type_of(slot) in {"COMBO", "STRING"}


def media_role(view: GraphView, slot: Slot) -> Role | None:
    """What people attach for an input, if anything."""
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
    """What the picture is for, as far as the graph says it: its title, or where it goes."""
    own = view.own_title(node_id)
    if own is not None:
        return own
    waiting = [node_id]
    for _ in range(8):
        users = [slot for one in waiting for slot, _ in view.users(one)]
        telling = [one.input_name for one in users if not _PLAIN.fullmatch(one.input_name)]
        if telling:
            return telling[0]
        waiting = [slot.node_id for slot in users]
    return role.value


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
    """Whether white and black count, and not how transparent the picture is."""
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
