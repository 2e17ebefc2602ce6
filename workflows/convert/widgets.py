"""Assignment of a node's saved widget values to its inputs.

The editor builds a node's widgets from its class and assigns the file's values in order; a widget
without a value in the file keeps its default.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflows.convert.dynamic_prompts import resolve_prompt
from workflows.convert.export import EditorNode
from workflows.convert.viewports import VIEWPORT, build_viewport
from workflows.nodes import SHOWN, Alternative, InputSpec, NodeClasses, is_shown

SEEDS = frozenset({"seed", "noise_seed"})
"""Integer inputs of these names get a control widget even if their class does not ask for one."""

UPLOADS = {"image": 1, "video": 1, "audio": 2}
"""Widgets that the editor adds after the required inputs of a class with an upload: the button, and
the player of a sound."""

BUTTONS = {("Load3D", "model_file"): 3}
"""Buttons that the editor adds after certain inputs."""

PICTURES_COMPARED = "IMAGECOMPARE"
"""A class that displays its last result; its value in the file is not sent."""

CUSTOM_COMBO = "CustomCombo"
"""A class to which the editor adds undeclared widgets for its choices."""

POWER_LORA_LOADER = "Power Lora Loader (rgthree)"
"""A class to which the editor adds an undeclared widget for each LoRA."""

_EMPTY: Mapping[str, object] = {"INT": 0, "FLOAT": 0, "STRING": "", "BOOLEAN": False}
_COMPARED = ("", "")
"""Value of the widget that compares two pictures before there are any."""


@dataclass(frozen=True, slots=True)
class Widget:
    """A widget's value; with `is_prompt`, {a|b} and comments in it are resolved.

    None stands for no value, which is not sent, unless `is_null`: then the file has null.
    """

    name: str
    value: object
    is_prompt: bool = False
    is_null: bool = False

    @property
    def is_sent(self) -> bool:
        """Whether the graph contains it."""
        return self.value is not None or self.is_null

    @property
    def constant(self) -> object:
        """The value in the graph."""
        if self.is_prompt and isinstance(self.value, str):
            return resolve_prompt(self.value)
        return self.value


def read_widgets(node: EditorNode, classes: NodeClasses) -> dict[str, Widget]:
    """Return a node's widgets by name, with their values in the file."""
    inputs = classes.inputs(node.type)
    found = _read_widgets(node, inputs)
    viewers = (name for name in found if name in inputs and inputs[name].widget == VIEWPORT)
    return found | {name: Widget(name, build_viewport(node.properties)) for name in viewers}


def _read_widgets(node: EditorNode, inputs: Mapping[str, InputSpec]) -> dict[str, Widget]:
    if isinstance(node.values, Mapping):
        return _named(node, inputs, node.values)
    if node.type == POWER_LORA_LOADER:
        return {one.name: one for one in _power_loras(node.values)}
    values = _without_sockets(inputs, list(node.values))
    queue = _Values(values)
    found = {one.name: one for one in _of_class(node.type, inputs, queue)}
    if node.named_values and any(
        not knows_choice(spec, found[name].value) for name, spec in inputs.items() if name in found
    ):
        # After a choice with unknown inputs, positions are meaningless.
        return {one.name: one for one in _by_name("", inputs, node.named_values)}
    if node.type == CUSTOM_COMBO:
        found |= {one.name: one for one in _combo_choices(queue, found)}
    return found


SLOT_OF_CONTROL = 2
"""Values of a "control after generate" widget."""


def list_slots(class_type: str, classes: NodeClasses) -> list[tuple[str, int]]:
    """Return a class's widgets in order of creation, and how many values each has in a file."""
    queue = _Values([])
    begins = [
        (one.name, queue.position)
        for one in _of_class(class_type, classes.inputs(class_type), queue)
    ]
    ends = [*(begin for _, begin in begins[1:]), queue.position + 1]
    return [(name, end - begin) for (name, begin), end in zip(begins, ends, strict=False)]


def list_sockets(class_type: str, classes: NodeClasses) -> list[str]:
    """Return a class's inputs that can only be connected, in order."""
    return [name for name, spec in classes.inputs(class_type).items() if not is_shown(spec)]


class _Values:
    """The file's values, consumed in order up to `position`."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values
        self.position = 0

    def take(self, default: object) -> object:
        """Return the next value, or the default if there is none."""
        self.position += 1
        return self._values[self.position - 1] if self.position <= len(self._values) else default

    @property
    def has_taken(self) -> bool:
        """Whether the last value was in the file."""
        return self.position <= len(self._values)

    def skip(self, count: int) -> None:
        """Skip values that belong to no input."""
        self.position += count

    def rest(self) -> list[Any]:
        """Remaining values."""
        return self._values[self.position :]


def _of_class(
    class_type: str, inputs: Mapping[str, InputSpec], values: _Values
) -> Iterator[Widget]:
    required = {name: spec for name, spec in inputs.items() if spec.required}
    for name, spec in required.items():
        yield from _in_order("", {name: spec}, values)
        values.skip(BUTTONS.get((class_type, name), 0))
    uploads = {spec.upload for spec in required.values() if spec.widget == "COMBO"}
    values.skip(sum(UPLOADS.get(kind, 0) for kind in uploads if kind))
    optional = {name: spec for name, spec in inputs.items() if not spec.required}
    yield from _in_order("", optional, values)


def _in_order(prefix: str, inputs: Mapping[str, InputSpec], values: _Values) -> Iterator[Widget]:
    for name, spec in inputs.items():
        if not is_shown(spec):
            continue
        value = values.take(default_of(spec))
        is_saved = values.has_taken
        if spec.widget == PICTURES_COMPARED:
            value = default_of(spec)
        yield _widget(prefix + name, spec, value, is_saved=is_saved)
        if spec.alternatives:
            yield from _in_order(f"{prefix}{name}.", _chosen(spec, value).inputs, values)
        values.skip(_extra_slots(prefix + name, spec))


def _named(
    node: EditorNode, inputs: Mapping[str, InputSpec], given: Mapping[str, Any]
) -> dict[str, Widget]:
    """Return values saved by name, including those that only the class's own editor code knows."""
    found = {one.name: one for one in _by_name("", inputs, given)}
    for name, value in given.items():
        if name not in found and name not in inputs and isinstance(value, str | int | float):
            found[name] = Widget(name, value)
    if node.type == CUSTOM_COMBO and "index" in found:
        options = [one.value for name, one in found.items() if name.startswith("option")]
        chosen = found["choice"].value if "choice" in found else None
        if chosen in options:
            found["index"] = Widget("index", options.index(chosen))
    return found


def _widget(name: str, spec: InputSpec, value: object, *, is_saved: bool) -> Widget:
    """Build a widget; null becomes the first choice of a list or an empty text, else null."""
    if is_saved and value is None:
        if spec.alternatives:
            value = spec.alternatives[0].key
        elif spec.choices:
            value = spec.choices[0]
        elif spec.multiline:
            value = ""
        return Widget(name, value, spec.has_dynamic_prompts, is_null=value is None)
    return Widget(name, value, spec.has_dynamic_prompts)


def _power_loras(values: Sequence[Any]) -> Iterator[Widget]:
    """Return each LoRA with its strength, numbered; headers in between are decoration."""
    loras = (one for one in values if isinstance(one, dict) and "lora" in one)
    return (Widget(f"lora_{number}", one) for number, one in enumerate(loras, start=1))


def _by_name(
    prefix: str, inputs: Mapping[str, InputSpec], given: Mapping[str, Any]
) -> Iterator[Widget]:
    for name, spec in inputs.items():
        if not is_shown(spec):
            continue
        value = given.get(prefix + name, default_of(spec))
        yield _widget(prefix + name, spec, value, is_saved=prefix + name in given)
        if not spec.alternatives:
            continue
        inner = f"{prefix}{name}."
        if knows_choice(spec, value):
            yield from _by_name(inner, _chosen(spec, value).inputs, given)
        else:
            yield from (Widget(one, given[one]) for one in given if one.startswith(inner))


def knows_choice(spec: InputSpec, key: object) -> bool:
    """Return whether the class has this choice of a dynamic list; True for other inputs."""
    return not spec.alternatives or key is None or any(one.key == key for one in spec.alternatives)


def _chosen(spec: InputSpec, key: object) -> Alternative:
    """Return the choice of a dynamic list; the first if the value is not a choice."""
    return next((one for one in spec.alternatives if one.key == key), spec.alternatives[0])


def default_of(spec: InputSpec) -> object:
    """Return the initial value of a widget."""
    if spec.default is not None:
        return spec.default
    if spec.alternatives:
        return spec.alternatives[0].key
    if spec.choices:
        return spec.choices[0]
    if spec.widget == PICTURES_COMPARED:
        return list(_COMPARED)
    return _EMPTY.get(spec.widget)


def _extra_slots(name: str, spec: InputSpec) -> int:
    """Return the values after a widget's own that belong to no input."""
    if spec.widget == "INT":
        has_control = spec.has_control if spec.has_control is not None else name in SEEDS
        return 1 if has_control else 0
    if spec.widget == "COMBO" and spec.has_control:
        # The control and its filter.
        return 2
    return 0


def _without_sockets(inputs: Mapping[str, InputSpec], values: list[Any]) -> list[Any]:
    """Remove values that older editors saved for inputs which can only be connected.

    They are present exactly if removing them makes the number of values right.
    """
    is_socket: list[bool] = []
    for name, spec in inputs.items():
        if is_shown(spec) or (spec.is_socket and spec.widget in SHOWN):
            is_socket.append(spec.is_socket)
            is_socket.extend([False] * _extra_slots(name, spec))
    if not any(is_socket) or len(is_socket) != len(values):
        return values
    return [value for value, socket in zip(values, is_socket, strict=True) if not socket]


def _combo_choices(values: _Values, found: Mapping[str, Widget]) -> Iterator[Widget]:
    """Return the index of the choice, which the class reads, and all choices."""
    chosen = found["choice"].value if "choice" in found else None
    index, *listed = values.rest() or [0]
    if not isinstance(index, int):
        listed = [index, *listed]
        index = listed.index(chosen) if chosen in listed else 0
    yield Widget("index", index)
    yield from (Widget(f"option{number}", one) for number, one in enumerate(listed, start=1))
