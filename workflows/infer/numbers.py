"""Detection of numbers and lists that people expect to set: seeds, sizes, steps and the like."""

import re
from collections.abc import Iterator, Sequence

from workflows.graph import Link, Slot, reach
from workflows.infer.found import Found, Role
from workflows.infer.view import MAX_DEPTH, GraphView

LATENT = "LATENT"

_SEED = re.compile(r"(^|\.)(noise_)?seed$")
_SAMPLING = {
    "steps": Role.STEPS,
    "cfg": Role.CFG,
    "guidance": Role.CFG,
    "sampler_name": Role.SAMPLER,
    "scheduler": Role.SCHEDULER,
}
_CREATING = {
    "width": Role.WIDTH,
    "height": Role.HEIGHT,
    "length": Role.LENGTH,
    "num_frames": Role.LENGTH,
    "frames": Role.LENGTH,
    "seconds": Role.DURATION,
    "duration": Role.DURATION,
    "batch_size": Role.COUNT,
}
_REASONS = {
    Role.SEED: "It is the seed of {node}.",
    Role.STEPS: "It is how many steps {node} takes.",
    Role.CFG: "It is how closely {node} follows the prompt.",
    Role.SAMPLER: "It is the sampler of {node}.",
    Role.SCHEDULER: "It is the scheduler of {node}.",
    Role.STRENGTH: "It is how far {node} leaves the picture that it starts from.",
    Role.WIDTH: "It is the width of what {node} makes.",
    Role.HEIGHT: "It is the height of what {node} makes.",
    Role.LENGTH: "It is how many frames {node} makes.",
    Role.DURATION: "It is how many seconds {node} makes.",
    Role.COUNT: "It is how many {node} makes at once.",
    Role.FPS: "It is how many frames a second {node} shows.",
}
_HIDDEN = frozenset({Role.SAMPLER, Role.SCHEDULER, Role.FPS})
"""Roles that most people cannot set; they are in the manifest for the operator to show."""

_NUMBERS = (int, float)


def find_numbers(view: GraphView, live: Sequence[str]) -> list[Found]:
    """Return the values set by a number or a list, in the order of the graph's nodes."""
    found: list[Found] = []
    for node_id in live:
        found += _seeds(view, node_id)
        found += _sampling(view, node_id)
        found += _created(view, node_id)
        found += _shown(view, node_id)
    # Of several findings for one slot the first counts.
    return list({one.slots: one for one in reversed(found)}.values())[::-1]


def _seeds(view: GraphView, node_id: str) -> Iterator[Found]:
    if view.value(Slot(node_id, "add_noise")) == "disable":
        return  # it continues from another sampler's noise: its seed does nothing
    for slot in view.slots(node_id):
        if _SEED.search(slot.input_name):
            yield from _number(view, Role.SEED, slot)


def _sampling(view: GraphView, node_id: str) -> Iterator[Found]:
    """Find inputs of nodes that sample, guide or schedule and make no picture or text."""
    # A node that only hands numbers on is found from where they arrive.
    if not {"INT", "FLOAT", "COMBO"}.isdisjoint(view.outputs(node_id)):
        return
    for slot in view.slots(node_id):
        role = _SAMPLING.get(slot.input_name)
        if role is not None and _takes_part(view, node_id):
            yield from _number(view, role, slot)
    strength = Slot(node_id, "denoise")
    starts_from = view.link(Slot(node_id, "latent_image"))
    if starts_from is not None and _is_of_a_picture(view, starts_from):
        yield from _number(view, Role.STRENGTH, strength)


def _takes_part(view: GraphView, node_id: str) -> bool:
    types = view.outputs(node_id)
    if not types:
        return True
    return not {LATENT, "GUIDER", "SIGMAS", "SAMPLER", "CONDITIONING"}.isdisjoint(types)


def _is_of_a_picture(view: GraphView, link: Link) -> bool:
    """Return whether a latent comes from a picture's encoder, however it was changed."""
    for _ in range(MAX_DEPTH):
        arriving = {view.output_type(one): one for _, one in view.linked(link.node_id)}
        if LATENT not in arriving:
            has_size = "width" in view.graph[link.node_id]["inputs"]
            return "IMAGE" in arriving and "CONDITIONING" not in arriving and not has_size
        link = arriving[LATENT]
    return False


def _created(view: GraphView, node_id: str) -> Iterator[Found]:
    """Find inputs of nodes that create a latent or picture from numbers and models only."""
    if not _creates(view, node_id):
        return
    for slot in view.slots(node_id):
        role = _CREATING.get(slot.input_name)
        if role is not None:
            yield from _number(view, role, slot)
    if not any(view.source(Slot(node_id, side)) for side in ("width", "height")):
        yield from _chosen_size(view, node_id)


def _creates(view: GraphView, node_id: str) -> bool:
    types = view.outputs(node_id)
    arriving = {view.output_type(link) for _, link in view.linked(node_id)}
    if LATENT in arriving:
        return False
    if LATENT in types or (not types and view.class_of(node_id).startswith("Empty")):
        return ("IMAGE" not in types and "width" in view.graph[node_id]["inputs"]) or (
            LATENT in types and not arriving & {"IMAGE", "VIDEO", "AUDIO"}
        )
    return False


def _chosen_size(view: GraphView, node_id: str) -> Iterator[Found]:
    """Return what decides a computed size: a pair of numbers, or one node that selects both."""
    sides = [view.link(Slot(node_id, side)) for side in ("width", "height")]
    if None in sides:
        return
    widths, heights = (_origins(view, side) for side in sides if side is not None)
    # An aspect or a factor may reach both sides; what reaches one alone is that side.
    only = (
        [one for one in widths if one not in heights],
        [one for one in heights if one not in widths],
    )
    if all(len(side) == 1 and view.is_primitive(side[0]) for side in only):
        for role, (origin,) in zip((Role.WIDTH, Role.HEIGHT), only, strict=True):
            yield from _number(view, role, next(view.literals(origin)))
        return
    common = [one for one in widths if one in heights]
    if len(common) == 1:
        yield from _settings_of_size(view, common[0])


def _origins(view: GraphView, link: Link) -> list[str]:
    """Yield the nodes without connections and files from which a number is computed."""

    def arriving(node_id: str) -> list[str]:
        return [one.node_id for slot, one in view.linked(node_id) if slot.input_name != "switch"]

    return [
        node_id
        for node_id in reach([link.node_id], arriving)
        if not arriving(node_id) and not any(map(view.upload, view.literals(node_id)))
    ]


def _settings_of_size(view: GraphView, node_id: str) -> Iterator[Found]:
    """Return both sides if the node has them, else all inputs by which it selects."""
    slots = {slot.input_name: slot for slot in view.literals(node_id)}
    if {"width", "height"} <= slots.keys():
        yield from _number(view, Role.WIDTH, slots["width"])
        yield from _number(view, Role.HEIGHT, slots["height"])
        return
    if not {"INT"}.issuperset(view.outputs(node_id)):
        return
    for slot in slots.values():
        if view.spec(slot) is not None and slot.input_name != "multiple":
            reason = f"{view.title(node_id)} makes the size of it."
            yield Found(Role.ASPECT, (slot,), reason, name=slot.input_name)


def _shown(view: GraphView, node_id: str) -> Iterator[Found]:
    if "VIDEO" in view.outputs(node_id):
        for slot in view.slots(node_id):
            if slot.input_name in {"fps", "frame_rate"}:
                yield from _number(view, Role.FPS, slot)


def _number(view: GraphView, role: Role, slot: Slot) -> Iterator[Found]:
    """Return the slot of the value, if people can set it."""
    source = view.source(slot)
    if source is None:
        return
    value = view.value(source)
    wants_text = role in {Role.SAMPLER, Role.SCHEDULER}
    is_number = isinstance(value, _NUMBERS) and not isinstance(value, bool)
    if (wants_text and not isinstance(value, str)) or (not wants_text and not is_number):
        return
    reason = _REASONS[role].format(node=view.title(slot.node_id))
    name = (view.own_title(source.node_id) if source != slot else None) or role.value
    is_idle = role in {Role.CFG, Role.STRENGTH} and value == 1 and slot.input_name != "guidance"
    yield Found(role, (source,), reason, name, is_hidden=role in _HIDDEN or is_idle)
