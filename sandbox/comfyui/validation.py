"""Validation of posted graphs, with ComfyUI's error types and wording."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Graph = Mapping[str, Any]
LONGEST_LIST_SHOWN: Final = 20
"""Longest list of choices that an error repeats."""
FILE_CLASSES: Final = ("LoadImage", "LoadImageMask")


class InternalServerError(Exception):
    """Input on which a real server fails with a plain-text 500."""


@dataclass(frozen=True)
class ValidationResult:
    """Result of validating a graph: `error` is None when at least one output can run."""

    error: dict[str, Any] | None
    outputs: list[str]
    node_errors: dict[str, Any]


@dataclass
class Validator:
    """Validates graphs against the installed classes.

    `describe` gives a class's description with the files of the moment, `file_exists` says whether
    a loader's value names a file.
    """

    version: str
    describe: Callable[[str], dict[str, Any] | None]
    file_exists: Callable[[str], bool]

    def validate(self, graph: object, targets: list[str] | None) -> ValidationResult:
        """Validate a graph for its output nodes, or for those of them that are targets."""
        if not isinstance(graph, Mapping):
            if isinstance(graph, list) and self.version == "0.3.64":
                return ValidationResult(
                    _error("prompt_no_outputs", "Prompt has no outputs"), [], {}
                )
            raise InternalServerError
        outputs = []
        for node_id, node in graph.items():
            refused = self._refuse_class(node_id, node)
            if refused is not None:
                return ValidationResult(refused, [], {})
            wanted = targets is None or node_id in targets
            if wanted and self._class(node["class_type"])["output_node"]:
                outputs.append(node_id)
        if not outputs:
            return ValidationResult(_error("prompt_no_outputs", "Prompt has no outputs"), [], {})
        return self._validate_outputs(graph, outputs)

    def _refuse_class(self, node_id: str, node: object) -> dict[str, Any] | None:
        old = self.version == "0.3.64"
        if not isinstance(node, Mapping):
            if old and isinstance(node, str):
                return self._missing_class(node_id, {}, None)
            raise InternalServerError
        class_type = node.get("class_type")
        if not class_type or self.describe(str(class_type)) is None:
            return self._missing_class(node_id, node, class_type)
        return None

    def _missing_class(
        self, node_id: str, node: Mapping[str, Any], class_type: object
    ) -> dict[str, Any]:
        details = f"Node ID '#{node_id}'"
        if self.version == "0.3.64":
            message = (
                f"Cannot execute because node {class_type} does not exist."
                if class_type
                else "Cannot execute because a node is missing the class_type property."
            )
            return _error("invalid_prompt", message, details)
        title = node.get("_meta", {}).get("title") or class_type or f"Node {node_id}"
        message = (
            f"Node '{title}' not found. The custom node may not be installed."
            if class_type
            else f"Node '{title}' has no class_type. "
            "The workflow may be corrupted or a custom node is missing."
        )
        facts = {"node_id": node_id, "class_type": class_type, "node_title": title}
        return _error("missing_node_type", message, details, facts)

    def _class(self, class_type: str) -> dict[str, Any]:
        described = self.describe(class_type)
        if described is None:
            raise KeyError(class_type)
        return described

    def _validate_outputs(self, graph: Graph, outputs: list[str]) -> ValidationResult:
        good, node_errors, summary = [], dict[str, Any](), list[str]()
        checked: dict[str, _Checked] = {}
        for output in outputs:
            try:
                result = self._check(graph, output, checked, ())
            except _CycleError as cycle:
                if self.version != "0.3.64":
                    _add_cycle(graph, cycle.path, output, node_errors)
                continue
            except (KeyError, IndexError) as broken:
                result = _Checked(valid=False, errors=[_broken_node(broken)])
                checked[output] = result
            if result.valid:
                good.append(output)
                continue
            summary += [f"{problem['message']}: {problem['details']}" for problem in result.errors]
            _collect(graph, output, checked, node_errors)
        if good:
            return ValidationResult(None, good, node_errors)
        message = "Prompt outputs failed validation"
        error = _error("prompt_outputs_failed_validation", message, "\n".join(summary))
        return ValidationResult(error, [], node_errors)

    def _check(
        self, graph: Graph, node_id: str, checked: "dict[str, _Checked]", path: tuple[str, ...]
    ) -> "_Checked":
        if node_id in checked:
            return checked[node_id]
        if node_id in path:
            raise _CycleError(path[path.index(node_id) :])
        node = graph[node_id]
        inputs = node["inputs"]
        described = self._class(node["class_type"])["input"]
        result = _Checked()
        for section in ("required", "optional"):
            for name, spec in _expand(described.get(section, {}), inputs):
                if name not in inputs:
                    if section == "required":
                        result.add(
                            "required_input_missing", "Required input is missing", name, name
                        )
                elif isinstance(inputs[name], list):
                    self._check_link(graph, node_id, name, spec, checked, (*path, node_id), result)
                else:
                    self._check_value(node, name, spec, result)
        checked[node_id] = result
        return result

    def _check_link(
        self,
        graph: Graph,
        node_id: str,
        name: str,
        spec: list[Any],
        checked: "dict[str, _Checked]",
        path: tuple[str, ...],
        result: "_Checked",
    ) -> None:
        link = graph[node_id]["inputs"][name]
        if len(link) != 2:  # noqa: PLR2004 - a link is a node and an output
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            result.add("bad_linked_input", message, name, name, config=spec, received_value=link)
            return
        source = graph[link[0]]
        received = self._class(source["class_type"])["output"][link[1]]
        if not _types_match(received, spec[0]):
            details = f"{name}, received_type({received}) mismatch input_type({_type_name(spec)})"
            message = "Return type mismatch between linked nodes"
            result.add(
                "return_type_mismatch",
                message,
                details,
                name,
                config=spec,
                received_type=received,
                linked_node=link,
            )
            return
        try:
            inner = self._check(graph, link[0], checked, path)
        except (KeyError, IndexError) as error:
            broken = _broken_inner(error, name, spec, link)
            checked[link[0]] = inner = _Checked(valid=False, errors=[broken])
        if not inner.valid:
            result.valid = False

    def _check_value(
        self, node: Mapping[str, Any], name: str, spec: list[Any], result: "_Checked"
    ) -> None:
        value, kind = node["inputs"][name], spec[0]
        options = spec[1] if len(spec) > 1 else {}
        if isinstance(kind, list) or kind == "COMBO":
            choices = kind if isinstance(kind, list) else options.get("options", [])
            if node["class_type"] in FILE_CLASSES and name == "image":
                self._check_file(name, value, result)
            elif value not in choices:
                _refuse_choice(name, value, choices, spec, result)
            return
        convert = _CONVERTERS.get(kind)
        if convert is None:
            return
        try:
            converted = convert(value)
        except (TypeError, ValueError) as error:
            result.add(
                "invalid_input_type",
                f"Failed to convert an input value to a {kind} value",
                f"{name}, {value}, {error}",
                name,
                config=spec,
                received_value=value,
                exception_message=str(error),
            )
            return
        node["inputs"][name] = converted
        if "min" in options and converted < options["min"]:
            message = f"Value {converted} smaller than min of {options['min']}"
            result.add(
                "value_smaller_than_min", message, name, name, config=spec, received_value=converted
            )
        elif "max" in options and converted > options["max"]:
            message = f"Value {converted} bigger than max of {options['max']}"
            result.add(
                "value_bigger_than_max", message, name, name, config=spec, received_value=converted
            )

    def _check_file(self, name: str, value: object, result: "_Checked") -> None:
        if not self.file_exists(str(value)):
            details = f"{name} - Invalid image file: {value}"
            result.add(
                "custom_validation_failed", "Custom validation failed for node", details, name
            )


@dataclass
class _Checked:
    valid: bool = True
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        kind: str,
        message: str,
        details: str,
        name: str,
        *,
        config: object = ...,
        **facts: object,
    ) -> None:
        self.valid = False
        extra: dict[str, Any] = {"input_name": name}
        if config is not ...:
            extra["input_config"] = config
        self.errors.append(
            {"type": kind, "message": message, "details": details, "extra_info": {**extra, **facts}}
        )


class _CycleError(Exception):
    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(path)
        self.path = path


_CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "INT": int,
    "FLOAT": float,
    "STRING": str,
    "BOOLEAN": bool,
}


def _error(
    kind: str, message: str, details: str = "", facts: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": facts or {}}


def _expand(
    section: Mapping[str, list[Any]], inputs: Mapping[str, Any]
) -> Iterator[tuple[str, list[Any]]]:
    """Each input with its description, those that a list of any length was given among them."""
    for name, spec in section.items():
        if spec[0] != "COMFY_AUTOGROW_V3":
            yield name, spec
            continue
        (item,) = spec[1]["template"]["input"]["required"].values()
        yield from ((given, item) for given in inputs if given.startswith(f"{name}."))


def _types_match(received: str, wanted: object) -> bool:
    if wanted == "*" or received == "*":
        return True
    if isinstance(wanted, list) or wanted == "COMBO":
        return received in {"COMBO", "STRING"}
    return received in str(wanted).split(",")


def _type_name(spec: list[Any]) -> str:
    return "COMBO" if isinstance(spec[0], list) else str(spec[0])


def _refuse_choice(
    name: str, value: object, choices: list[Any], spec: list[Any], result: _Checked
) -> None:
    short = len(choices) <= LONGEST_LIST_SHOWN
    shown = str(choices) if short else f"(list of length {len(choices)})"
    result.add(
        "value_not_in_list",
        "Value not in list",
        f"{name}: '{value}' not in {shown}",
        name,
        config=spec if short else None,
        received_value=value,
    )


def _text_of(error: Exception) -> str:
    return "tuple index out of range" if isinstance(error, IndexError) else str(error)


def _broken_node(error: Exception) -> dict[str, Any]:
    facts = {"exception_type": type(error).__name__, "traceback": _traceback()}
    return {
        "type": "exception_during_validation",
        "message": "Exception when validating node",
        "details": _text_of(error),
        "extra_info": facts,
    }


def _broken_inner(error: Exception, name: str, spec: list[Any], link: list[Any]) -> dict[str, Any]:
    facts = {
        "input_name": name,
        "input_config": spec,
        "exception_message": _text_of(error),
        "exception_type": type(error).__name__,
        "traceback": _traceback(),
        "linked_node": link,
    }
    return {
        "type": "exception_during_inner_validation",
        "message": "Exception when validating inner node",
        "details": _text_of(error),
        "extra_info": facts,
    }


def _traceback() -> list[str]:
    """Return two lines as a real server would show of its own files."""
    return [
        '  File "/opt/comfyui/execution.py", line 1010, in validate_inputs\n',
        '  File "/opt/comfyui/execution.py", line 871, in validate_inputs\n',
    ]


def _collect(
    graph: Graph, output: str, checked: dict[str, _Checked], node_errors: dict[str, Any]
) -> None:
    """Add the errors of all nodes checked so far, as errors that concern this output."""
    for node_id, result in checked.items():
        if not result.errors:
            continue
        entry = node_errors.setdefault(
            node_id,
            {
                "errors": result.errors,
                "dependent_outputs": [],
                "class_type": graph[node_id]["class_type"],
            },
        )
        entry["dependent_outputs"].append(output)


def _add_cycle(
    graph: Graph, path: tuple[str, ...], output: str, node_errors: dict[str, Any]
) -> None:
    names = [f"{node_id} ({graph[node_id]['class_type']})" for node_id in (*path, path[0])]
    for node_id in path:
        error = {
            "type": "dependency_cycle",
            "message": "Dependency cycle detected",
            "details": " -> ".join(names),
            "extra_info": {"node_id": node_id, "cycle_nodes": list(path)},
        }
        node_errors[node_id] = {
            "errors": [error],
            "dependent_outputs": [output],
            "class_type": graph[node_id]["class_type"],
        }
