"""Binding: a workflow and people's values become a graph that is ready to queue."""

import copy
from collections.abc import Collection, Mapping, Sequence

from workflows.errors import InvalidValue, MissingInput, UnknownInput
from workflows.graph import Graph, Link, Slot, consumers, unused_id
from workflows.manifest import Input, InputType, Manifest, Scalar, Value, parse_target
from workflows.values import coerce, size_for
from workflows.workflow import Workflow

__all__ = ["bind", "check", "size_for"]


def check(
    manifest: Manifest,
    values: Mapping[str, object],
    *,
    pictures: Collection[str] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, object]:
    """People's values, checked and converted, with the manifest's defaults for what is left out.

    None counts as left out. `pictures` names the inputs that a picture is attached for: a typed
    value for one would name a file on the backend, so it is refused. `choices` has the model
    names that backends offer, by input name. Nothing is added for a seed, a LoRA or a picture
    that is left out. Raises InvalidValue, UnknownInput or MissingInput.
    """
    given = {name: value for name, value in values.items() if value is not None}
    for name in (*given, *pictures):
        if name not in manifest.options:
            raise UnknownInput(name)
    for name in pictures:
        _check_takes_picture(manifest, name)
    checked: dict[str, object] = {}
    for wanted in manifest.inputs:
        value = given.get(wanted.name, wanted.default)
        if value is not None:
            offered = () if choices is None else choices.get(wanted.name, ())
            checked[wanted.name] = coerce(wanted, value, offered if wanted.name in given else ())
        elif wanted.required and wanted.name not in pictures:
            raise MissingInput(wanted.name)
    return checked


def bind(workflow: Workflow, values: Mapping[str, object]) -> Graph:
    """A new graph with the values in it; the workflow's own graph is left alone.

    Values are checked again, those of hidden inputs are taken too, and a picture's value is the
    name that the backend gave it on upload. What is left out gets its default; the caller draws
    the seed. Raises as `check` does.
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
    return graph


def _check_takes_picture(manifest: Manifest, name: str) -> None:
    wanted = manifest.find(name)
    if wanted is None or not wanted.type.is_picture:
        raise InvalidValue(name, "{name} cannot be a picture.")


def _bindable(wanted: Input, value: object) -> Value:
    if not wanted.type.is_picture:
        return coerce(wanted, value)
    if not isinstance(value, str) or not value:
        raise InvalidValue(wanted.name, "{name} must be attached as a picture.")
    return value


def _place(graph: Graph, wanted: Input, value: Value) -> None:
    if wanted.type is InputType.LORA:
        _insert_lora(graph, wanted, str(value))
    elif isinstance(value, tuple):
        _write(graph, wanted.width, value[0])
        _write(graph, wanted.height, value[1])
    else:
        _write(graph, wanted.targets, value)


def _write(graph: Graph, targets: Sequence[str], value: Scalar) -> None:
    """Only scalars are ever written: a list would be a connection to another node."""
    for target in targets:
        slot = parse_target(target)
        if slot is not None:
            graph[slot.node_id]["inputs"][slot.input_name] = value


def _insert_lora(graph: Graph, wanted: Input, name: str) -> None:
    """Put a LoRA loader between the node that `wraps` names and all that use its outputs."""
    loader = wanted.wraps or ""
    model, clip = Link(loader, 0), Link(loader, 1)
    model_users, clip_users = consumers(graph, model), consumers(graph, clip)
    inputs: dict[str, object] = {
        "lora_name": name,
        "strength_model": wanted.strength,
        "model": list(model),
    }
    if clip_users:
        inputs |= {"strength_clip": wanted.strength, "clip": list(clip)}
    lora = unused_id(graph)
    graph[lora] = {
        "class_type": "LoraLoader" if clip_users else "LoraLoaderModelOnly",
        "inputs": inputs,
        "_meta": {"title": "LoRA"},
    }
    _rewire(graph, model_users, Link(lora, 0))
    _rewire(graph, clip_users, Link(lora, 1))


def _rewire(graph: Graph, users: Sequence[Slot], source: Link) -> None:
    for user in users:
        graph[user.node_id]["inputs"][user.input_name] = list(source)
