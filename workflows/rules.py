"""Rules of a manifest beyond the form of its fields, alone and with its graph."""

from collections import Counter
from collections.abc import Iterator

from workflows.errors import InvalidValue
from workflows.graph import Graph, Link, Slot, consumers, find_link, upstream
from workflows.manifest import NAME, Input, InputType, Manifest, parse_target
from workflows.reading import TOP, name_input, state_mistake
from workflows.values import coerce

WELL_KNOWN = {
    "prompt": InputType.TEXT,
    "negative": InputType.TEXT,
    "image": InputType.IMAGE,
    "image_2": InputType.IMAGE,
    "image_3": InputType.IMAGE,
    "last_image": InputType.IMAGE,
    "mask": InputType.MASK,
    "size": InputType.SIZE,
    "count": InputType.INTEGER,
    "seed": InputType.SEED,
    "model": InputType.CHECKPOINT,
    "lora": InputType.LORA,
    "steps": InputType.INTEGER,
    "cfg": InputType.NUMBER,
    "strength": InputType.NUMBER,
}
"""Inputs that every command knows by name, with their types."""

TAKEN = frozenset({"aspect", "private", "spoiler", "workflow"})
"""Names of the commands' own options, which inputs cannot have."""

_ANY = frozenset({"name", "type", "description", "required", "hidden", "default"})
_FIELDS = {
    InputType.TEXT: {"targets", "min", "max", "draw", "prepend", "append"},
    InputType.INTEGER: {"targets", "min", "max", "step", "draw"},
    InputType.NUMBER: {"targets", "min", "max", "step", "draw"},
    InputType.BOOLEAN: {"targets"},
    InputType.CHOICE: {"targets", "choices", "positions", "draw"},
    InputType.CHECKPOINT: {"targets", "draw"},
    InputType.LORA: {"targets", "wraps", "strength", "draw"},
    InputType.IMAGE: {"targets", "max_pixels", "cuts"},
    InputType.MASK: {"targets", "replaces", "max_pixels", "cuts"},
    InputType.VIDEO: {"targets", "cuts"},
    InputType.AUDIO: {"targets", "cuts"},
    InputType.SIZE: {"width", "height", "area", "multiple"},
    InputType.SEED: {"targets", "max"},
}
_NEEDED = ("targets", "choices", "width", "height")
_EITHER = {InputType.LORA: "wraps", InputType.MASK: "replaces"}
"""Fields that may replace targets."""

_WITHOUT_DEFAULT = {
    InputType.IMAGE: "cannot be given: people attach pictures",
    InputType.MASK: "cannot be given: people attach pictures",
    InputType.VIDEO: "cannot be given: people attach videos",
    InputType.AUDIO: "cannot be given: people attach sounds",
}
_SEED_IS_DRAWN = "cannot be given unless it is hidden: a new seed is drawn for every generation"


def find_mistakes(manifest: Manifest, graph: Graph) -> list[str]:
    """Return a sentence for every mistake; empty for a usable workflow."""
    mistakes = list(_manifest_mistakes(manifest))
    for each in manifest.inputs:
        where = name_input(each.name)
        found = list(_input_mistakes(each)) or list(_graph_mistakes(each, graph))
        mistakes += [state_mistake(where, field, what) for field, what in found]
    mistakes += _output_mistakes(manifest, graph)
    mistakes += _stale_classes(manifest, graph)
    return mistakes


def _manifest_mistakes(manifest: Manifest) -> Iterator[str]:
    if manifest.command is not None and not NAME.fullmatch(manifest.command):
        yield state_mistake(TOP, "command", _name_rule())
    yield from _cost_mistakes(manifest)
    names = Counter(each.name for each in manifest.inputs)
    yield from (
        state_mistake(name_input(name), "name", "is used more than once")
        for name, count in names.items()
        if count > 1
    )
    slots = Counter(slot for each in manifest.inputs for slot in set(each.slots))
    yield from (
        f'More than one [[input]] writes to "{slot}".' for slot, count in slots.items() if count > 1
    )


def _cost_mistakes(manifest: Manifest) -> Iterator[str]:
    if (manifest.cost_input is None) != (manifest.cost_unit is None):
        yield state_mistake(TOP, "cost_input", 'and "cost_unit" must be given together')
        return
    if manifest.cost_input is None:
        return
    counted = manifest.find(manifest.cost_input)
    if counted is None:
        yield state_mistake(TOP, "cost_input", f'names "{manifest.cost_input}", which is no input')
    elif counted.type not in (InputType.INTEGER, InputType.NUMBER, InputType.SIZE):
        yield state_mistake(TOP, "cost_input", "must name an integer, a number or a size")


def _stale_classes(manifest: Manifest, graph: Graph) -> Iterator[str]:
    """Find nodes whose class changed since the manifest was written."""
    written_to = {slot.node_id for each in manifest.inputs for slot in each.slots}
    for node_id, class_type in manifest.classes.items():
        found = str(graph[node_id]["class_type"]) if node_id in graph else "gone"
        if node_id in written_to and found != class_type:
            is_now = "is gone" if node_id not in graph else f"is now {found}"
            yield (
                f'[classes]: node "{node_id}" was {class_type} and {is_now}: the graph was saved '
                "anew. Correct the inputs that name it, and this table."
            )


def _input_mistakes(each: Input) -> Iterator[tuple[str, str]]:
    """Yield mistakes inside one table, as field and sentence."""
    if not NAME.fullmatch(each.name):
        yield "name", _name_rule()
    if each.name in TAKEN:
        yield "name", "is what every command calls an option of its own; choose another"
    if WELL_KNOWN.get(each.name, each.type) is not each.type:
        yield "type", f"must be {WELL_KNOWN[each.name]} for an input of this name"
    allowed = _FIELDS[each.type]
    for field in sorted(each.model_fields_set - _ANY - allowed):
        yield field, f"means nothing for an input of type {each.type}"
    for field in _NEEDED:
        if field in allowed and not getattr(each, field) and not _has_other(each, field):
            other = _EITHER.get(each.type)
            yield field, f'or "{other}" is missing' if other else "is missing"
    yield from _default_mistakes(each)


def _has_other(each: Input, field: str) -> bool:
    other = _EITHER.get(each.type)
    return field == "targets" and other is not None and bool(getattr(each, other))


def _default_mistakes(each: Input) -> Iterator[tuple[str, str]]:
    if each.min is not None and each.max is not None and each.min > each.max:
        yield "min", "is larger than max"
    elif each.default is not None and each.type in _WITHOUT_DEFAULT:
        yield "default", _WITHOUT_DEFAULT[each.type]
    elif each.default is not None and each.type is InputType.SEED and not each.hidden:
        yield "default", _SEED_IS_DRAWN
    else:
        yield from _refused_values(each)


def _refused_values(each: Input) -> Iterator[tuple[str, str]]:
    if each.draw and each.name == "prompt":
        yield "draw", "cannot be used for the prompt, which people write"
    given = [("draw", value) for value in each.draw]
    if each.default is not None:
        given.append(("default", each.default))
    for field, value in given:
        try:
            coerce(each, value)
        except InvalidValue as error:
            yield field, f"cannot be used: {error.sentence.rstrip('.')}"
    if each.required and each.default is not None:
        yield "default", "is never used, because the input is required"
    if each.required and each.hidden:
        yield "required", "cannot be true for a hidden input: nobody could give it"


def _graph_mistakes(each: Input, graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield mistakes that depend on the graph, as field and sentence."""
    for field in ("targets", "positions", "width", "height"):
        for target in getattr(each, field):
            what = _target_mistake(target, graph)
            if what is not None:
                yield field, what
    for target in each.cuts:
        slot = parse_target(target)
        node = graph.get(slot.node_id) if slot is not None else None
        if slot is None or node is None or find_link(node["inputs"].get(slot.input_name)) is None:
            yield "cuts", f'names "{target}", which is no connection of the graph'
    for field, output, position in (("wraps", 0, "first"), ("replaces", 1, "second")):
        node_id = getattr(each, field)
        if node_id is None:
            continue
        if node_id not in graph:
            yield field, f'names node "{node_id}", which the graph does not have'
        elif not consumers(graph, Link(node_id, output)):
            yield field, f'names node "{node_id}", whose {position} output nothing uses'


def _target_mistake(target: str, graph: Graph) -> str | None:
    slot = parse_target(target)
    if slot is None:
        return f'has "{target}", which is not of the form "node.input"'
    if slot.node_id not in graph:
        return f'names node "{slot.node_id}", which the graph does not have'
    return _slot_mistake(slot, graph[slot.node_id]["inputs"])


def _slot_mistake(slot: Slot, inputs: dict[str, object]) -> str | None:
    if slot.input_name not in inputs:
        known = ", ".join(inputs) or "no inputs"
        return f'names "{slot}", but node "{slot.node_id}" has {known}'
    link = find_link(inputs[slot.input_name])
    if link is not None:
        return f'names "{slot}", which is connected to node "{link.node_id}" and takes no value'
    return None


def _output_mistakes(manifest: Manifest, graph: Graph) -> Iterator[str]:
    nodes = manifest.output.nodes
    unknown = [node_id for node_id in nodes if node_id not in graph]
    for node_id in unknown:
        what = f'names node "{node_id}", which the graph does not have'
        yield state_mistake("[output]", "nodes", what)
    if unknown or not nodes:
        return
    used = upstream(graph, nodes)
    for each in manifest.inputs:
        for slot in each.slots:
            if slot.node_id in graph and slot.node_id not in used:
                yield f'{name_input(each.name)}: no output depends on "{slot}".'


def _name_rule() -> str:
    return "must have up to 32 small letters, digits, - or _"
