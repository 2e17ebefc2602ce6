"""A typed view of /object_info, which describes every node class a backend has."""

import hashlib
import marshal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

# The editor orders widgets like this, and saved files list values by position alone.
_SECTIONS = ("required", "optional")
_UPLOADS = ("image", "video", "audio", "file")
_DYNAMIC_LIST = "COMFY_DYNAMICCOMBO_V3"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a node class.

    `type` is ComfyUI's name, such as INT, STRING or MODEL; every list input has the type COMBO,
    however the server encodes it, and its `choices` (None where the server does not list them).
    `upload` is image, video, audio or file for inputs that name an uploaded file. `is_socket`
    inputs can only be connected; `widget` is the type whose widget the editor shows;
    `has_control` says whether "control after generate" stands beside it, None where the server
    says nothing; `alternatives` are the choices of a dynamic list with the inputs they bring.
    """

    type: str
    required: bool
    default: Any = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None
    tooltip: str | None = None
    multiline: bool = False
    upload: str | None = None
    is_socket: bool = False
    widget: str = ""
    has_control: bool | None = None
    has_dynamic_prompts: bool = False
    alternatives: "tuple[Alternative, ...]" = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """One choice of a dynamic list, with the inputs that it brings along."""

    key: str
    inputs: Mapping[str, InputSpec]


class ObjectInfo:
    """Immutable view of the decoded JSON, `raw`.

    Specifications are parsed on demand: servers can have thousands of classes.
    """

    def __init__(self, raw: Mapping[str, Mapping[str, Any]]) -> None:
        self.raw = raw
        self._parsed: dict[str, Mapping[str, InputSpec]] = {}

    @classmethod
    def parse(cls, raw: object) -> "ObjectInfo":
        """Take the decoded JSON. Raises ValueError when it is not /object_info.

        The same description gives the same object while it is in use: backends are alike, and
        seldom change between two requests.
        """
        if not isinstance(raw, dict):
            raise ValueError("This is not /object_info.")  # noqa: TRY004 - a wrong document
        classes = {
            str(name): entry
            for name, entry in raw.items()
            if isinstance(entry, dict) and isinstance(entry.get("input"), dict)
        }
        if raw and not classes:
            raise ValueError("This is not /object_info: no entry describes a node class.")
        # Dictionaries are equal in any order, but the editor's files depend on the order of inputs.
        # Version 2 writes equal values as equal bytes: later ones depend on reference counts.
        digest = hashlib.sha256(marshal.dumps(classes, 2)).digest()
        return _in_use.setdefault(digest, cls(classes))

    @property
    def classes(self) -> frozenset[str]:
        """The names of all node classes."""
        return frozenset(self.raw)

    def has(self, class_type: str) -> bool:
        """Return whether the backend has this node class."""
        return class_type in self.raw

    def inputs(self, class_type: str) -> Mapping[str, InputSpec]:
        """Return every input by name, in the server's order; empty for an unknown class."""
        if class_type not in self.raw:
            return {}
        if class_type not in self._parsed:
            self._parsed[class_type] = _parse_inputs(self.raw[class_type].get("input"))
        return self._parsed[class_type]

    def input(self, class_type: str, input_name: str) -> InputSpec | None:
        """Find one input; `name.part` is a part of a dynamic list input."""
        inputs = self.inputs(class_type)
        return inputs.get(input_name) or _find_part(inputs, input_name.split("."))

    def choices(self, class_type: str, input_name: str) -> tuple[str, ...] | None:
        """Return the accepted values of a list input; None if unknown, or if it is no list."""
        found = self.input(class_type, input_name)
        return found.choices if found else None

    def display_name(self, class_type: str) -> str:
        """Return the title people know the node by."""
        title = self.raw.get(class_type, {}).get("display_name")
        return title if isinstance(title, str) and title else class_type

    def is_output_node(self, class_type: str) -> bool:
        """Return whether the node's results are results of the run."""
        return self.raw.get(class_type, {}).get("output_node") is True

    def is_partner(self, class_type: str) -> bool:
        """Return whether the node calls a paid third-party service."""
        return self.raw.get(class_type, {}).get("api_node") is True

    def has_partner(self, graph: Mapping[str, Mapping[str, Any]]) -> bool:
        """Return whether a node of the graph calls such a service."""
        return any(self.is_partner(str(node.get("class_type"))) for node in graph.values())

    def outputs(self, class_type: str) -> tuple[str, ...]:
        """Return the types of a class's outputs, in order."""
        types = self.raw.get(class_type, {}).get("output")
        if not isinstance(types, list):
            return ()
        return tuple("COMBO" if isinstance(kind, list) else str(kind) for kind in types)

    def output_names(self, class_type: str) -> tuple[str, ...]:
        """Return the names of a class's outputs, in order."""
        names = self.raw.get(class_type, {}).get("output_name")
        return tuple(map(str, names)) if isinstance(names, list) else ()


_in_use: WeakValueDictionary[bytes, ObjectInfo] = WeakValueDictionary()
"""Parsed descriptions by a digest of their content."""


def _walk(inputs: object) -> Iterator[tuple[str, str, Any]]:
    for section in _SECTIONS:
        entries = inputs.get(section) if isinstance(inputs, dict) else None
        if isinstance(entries, dict):
            yield from ((section, str(name), spec) for name, spec in entries.items())


def _split(spec: object) -> tuple[object, Mapping[str, Any]]:
    """Return type and options of [type] or [type, {options}]."""
    if not isinstance(spec, list) or not spec:
        return "*", {}
    options = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
    return spec[0], options


def _parse_spec(spec: object, *, required: bool) -> InputSpec:
    kind, options = _split(spec)
    tooltip = options.get("tooltip")
    control = options.get("control_after_generate")
    name = "COMBO" if isinstance(kind, list) else str(kind)
    return InputSpec(
        type=name,
        required=required,
        default=options.get("default"),
        min=_number(options.get("min")),
        max=_number(options.get("max")),
        step=_number(options.get("step")),
        choices=_parse_choices(kind, options),
        tooltip=tooltip if isinstance(tooltip, str) else None,
        multiline=options.get("multiline") is True,
        upload=next((kind for kind in _UPLOADS if options.get(f"{kind}_upload") is True), None),
        is_socket=options.get("forceInput") is True,
        widget=str(options.get("widgetType") or name),
        has_control=None if control is None else bool(control),
        has_dynamic_prompts=options.get("dynamicPrompts") is True,
        alternatives=_parse_alternatives(name, options),
    )


def _parse_inputs(inputs: object) -> dict[str, InputSpec]:
    return {
        name: _parse_spec(spec, required=section == "required")
        for section, name, spec in _walk(inputs)
    }


def _parse_alternatives(kind: str, options: Mapping[str, Any]) -> tuple[Alternative, ...]:
    listed = options.get("options")
    if kind != _DYNAMIC_LIST or not isinstance(listed, list):
        return ()
    return tuple(
        Alternative(str(item.get("key")), _parse_inputs(item.get("inputs")))
        for item in listed
        if isinstance(item, dict)
    )


def _parse_choices(kind: object, options: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the choices: old servers put them in place of the type, new ones in `options`."""
    if isinstance(kind, list):
        return tuple(map(str, kind))
    listed = options.get("options")
    if str(kind) not in {"COMBO", _DYNAMIC_LIST} or not isinstance(listed, list):
        return None
    return tuple(str(item.get("key")) if isinstance(item, dict) else str(item) for item in listed)


def _find_part(inputs: Mapping[str, InputSpec], path: list[str]) -> InputSpec | None:
    """Search all alternatives of a dynamic list, because the chosen one is unknown here."""
    head, *rest = path
    spec = inputs.get(head)
    if spec is None or not rest:
        return spec
    parts = (_find_part(alternative.inputs, rest) for alternative in spec.alternatives)
    return next((part for part in parts if part is not None), None)


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
