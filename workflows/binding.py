"""Binding of people's values to a workflow's graph."""

import copy
from collections.abc import Collection, Mapping, Sequence

from workflows.errors import InvalidValue, MissingInput, UnknownInput
from workflows.graph import Graph, Link, Slot, consumers, unused_id
from workflows.lora_tags import Lora, parse_value
from workflows.manifest import Input, InputType, Manifest, Scalar, Value, parse_target
from workflows.values import coerce
from workflows.workflow import Workflow

_STRENGTHS = ("strength_model", "strength_clip")
"""Inputs of ComfyUI's LoRA loaders."""


def check(
    manifest: Manifest,
    values: Mapping[str, object],
    *,
    attached: Collection[str] = (),
    takes_hidden: bool = False,
) -> dict[str, Value]:
    """Check and convert people's values, and add the manifest's defaults for omitted ones.

    None counts as omitted. `attached` names the inputs with an attached file: a typed value for one
    is refused, because it would name a file on the backend. Names of models are not looked up.
    Values of hidden inputs are refused as unknown unless `takes_hidden` is set. No default is added
    for a seed, a LoRA or a file. Raises InvalidValue, UnknownInput or MissingInput.
    """
    given = {name: value for name, value in values.items() if value is not None}
    options = manifest.input_names if takes_hidden else manifest.options
    for name in (*given, *attached):
        if name not in options:
            raise UnknownInput(name)
    for name in attached:
        _check_takes_file(manifest, name)
    checked: dict[str, Value] = {}
    for wanted in manifest.inputs:
        value = given.get(wanted.name, wanted.default)
        if value is not None:
            checked[wanted.name] = coerce(wanted, value)
        elif wanted.required and wanted.name not in attached:
            raise MissingInput(wanted.name)
    return checked


def bind(workflow: Workflow, values: Mapping[str, object]) -> Graph:
    """Return a copy of the graph with the values written to it.

    Values are checked again, including those of hidden inputs; an attached file's value is the name
    from its upload. Omitted values get their defaults, except the seed, which the caller draws.
    Raises as `check` does.
    """
    for name in values:
        if workflow.manifest.find(name) is None:
            raise UnknownInput(name)
    graph = copy.deepcopy(workflow.graph)
    for wanted in workflow.manifest.inputs:
        given = values.get(wanted.name)
        value = wanted.default if given is None else given
        if value is not None:
            _place(graph, wanted, _bindable(wanted, value))
        elif wanted.required:
            raise MissingInput(wanted.name)
        else:
            _cut(graph, wanted.cuts)
    return graph


def _check_takes_file(manifest: Manifest, name: str) -> None:
    wanted = manifest.find(name)
    if wanted is None or not wanted.type.is_attached:
        raise InvalidValue(name, "{name} cannot be a file.")


def _bindable(wanted: Input, value: object) -> Value:
    if not wanted.type.is_attached:
        return coerce(wanted, value)
    if not isinstance(value, str) or not value:
        raise InvalidValue(wanted.name, "{name} must be attached as a file.")
    return value


def _place(graph: Graph, wanted: Input, value: Value) -> None:
    if wanted.type is InputType.LORA:
        _place_loras(graph, wanted, parse_value(str(value)))
    elif wanted.replaces is not None:
        _insert_mask(graph, wanted.replaces, str(value))
    elif wanted.type is InputType.TEXT:
        _write(graph, wanted.targets, f"{wanted.prepend}{value}{wanted.append}")
    elif isinstance(value, tuple):
        _write(graph, wanted.width, value[0])
        _write(graph, wanted.height, value[1])
    else:
        _write(graph, wanted.targets, value)
        if wanted.positions:
            _write(graph, wanted.positions, wanted.choices.index(str(value)))


def _write(graph: Graph, targets: Sequence[str], value: Scalar) -> None:
    """Write a value; only scalars, because ComfyUI reads a list as a connection."""
    for target in targets:
        slot = parse_target(target)
        if slot is not None:
            graph[slot.node_id]["inputs"][slot.input_name] = value


def _place_loras(graph: Graph, wanted: Input, loras: Sequence[Lora]) -> None:
    """Write the first LoRA to the targets, if there are any, and insert loaders for the rest."""
    loader = wanted.wraps
    for target in filter(None, map(parse_target, wanted.targets)):
        loader, inputs = target.node_id, graph[target.node_id]["inputs"]
        inputs[target.input_name] = loras[0].name
        strengths = [name for name in _STRENGTHS if isinstance(inputs.get(name), int | float)]
        inputs |= {name: loras[0].weight for name in strengths if loras[0].weight is not None}
    for lora in loras[1:] if wanted.targets else loras:
        if loader is not None:
            strength = wanted.strength if lora.weight is None else lora.weight
            _insert_lora(graph, loader, strength, lora.name)


def _cut(graph: Graph, targets: Sequence[str]) -> None:
    """Remove connections; nodes that are unused afterwards do not run."""
    for target in targets:
        slot = parse_target(target)
        if slot is not None:
            del graph[slot.node_id]["inputs"][slot.input_name]


def _insert_lora(graph: Graph, loader: str, strength: float, name: str) -> None:
    """Insert a LoRA loader between the node that loads a model and all users of its outputs."""
    model, clip = Link(loader, 0), Link(loader, 1)
    # Before the loader is inserted, which is a consumer of both itself.
    model_users, clip_users = consumers(graph, model), consumers(graph, clip)
    inputs: dict[str, object] = {
        "lora_name": name,
        "strength_model": strength,
        "model": list(model),
    }
    if clip_users:
        inputs |= {"strength_clip": strength, "clip": list(clip)}
    lora = unused_id(graph)
    graph[lora] = {
        "class_type": "LoraLoader" if clip_users else "LoraLoaderModelOnly",
        "inputs": inputs,
        "_meta": {"title": "LoRA"},
    }
    _rewire(graph, model_users, Link(lora, 0))
    _rewire(graph, clip_users, Link(lora, 1))


def _insert_mask(graph: Graph, loader: str, name: str) -> None:
    """Use the white of a picture as the mask, in place of another picture's transparency."""
    users = consumers(graph, Link(loader, 1))
    mask = unused_id(graph)
    graph[mask] = {
        "class_type": "LoadImageMask",
        # A mask is grey: each color channel has its white.
        "inputs": {"image": name, "channel": "red"},
        "_meta": {"title": "Mask"},
    }
    _rewire(graph, users, Link(mask, 0))


def _rewire(graph: Graph, users: Sequence[Slot], source: Link) -> None:
    for user in users:
        graph[user.node_id]["inputs"][user.input_name] = list(source)
