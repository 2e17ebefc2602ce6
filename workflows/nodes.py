"""Protocols of node classes: the part of a backend's /object_info that workflows need.

`comfy.protocol.object_info` implements them.
"""

from collections.abc import Mapping
from typing import Protocol

SHOWN = frozenset(
    {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COMFY_DYNAMICCOMBO_V3"}
    | {"COLOR", "COLORS", "CURVE", "RANGE", "BOUNDING_BOX", "BOUNDING_BOXES", "IMAGECOMPARE"}
    | {"LOAD_3D", "PREVIEW_3D", "AUDIO_RECORD", "AUDIO_UI", "WEBCAM", "MARKDOWN", "PAINTER"}
    | {"IMAGEUPLOAD", "MULTISELECT", "GALLERIA", "CHART", "SELECTBUTTON", "TEXTAREA", "COMPOSITOR"}
)
"""Types for which the editor has a widget; inputs of other types can only be connected."""


class Alternative(Protocol):
    """One choice of a dynamic list, with its inputs."""

    @property
    def key(self) -> str:
        """Value of the choice."""

    @property
    def inputs(self) -> "Mapping[str, InputSpec]":
        """Its inputs by name, in order; in a graph they are called `list.name`."""


class InputSpec(Protocol):
    """One input of a node class."""

    @property
    def type(self) -> str:
        """ComfyUI's type, such as INT, STRING or MODEL; COMBO for every list."""

    @property
    def required(self) -> bool:
        """Whether the node cannot run without it."""

    @property
    def default(self) -> object:
        """Default of the editor; None if there is none."""

    @property
    def min(self) -> float | None:
        """Smallest number."""

    @property
    def max(self) -> float | None:
        """Largest number."""

    @property
    def step(self) -> float | None:
        """Increment of numbers."""

    @property
    def choices(self) -> tuple[str, ...] | None:
        """Choices of a list; None if unknown."""

    @property
    def tooltip(self) -> str | None:
        """Description in the editor."""

    @property
    def multiline(self) -> bool:
        """Whether it is a multi-line text."""

    @property
    def upload(self) -> str | None:
        """Kind of the uploaded file that it names: image, video, audio or file."""

    @property
    def is_socket(self) -> bool:
        """Whether it can only be connected, even if its type has a widget."""

    @property
    def widget(self) -> str:
        """Type of the editor's widget; usually the type itself."""

    @property
    def has_control(self) -> bool | None:
        """Whether it has "control after generate"; None if unspecified."""

    @property
    def has_dynamic_prompts(self) -> bool:
        """Whether the editor resolves {a|b} and comments in its text."""

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The choices of a dynamic list."""


class NodeClasses(Protocol):
    """The node classes of a backend."""

    def has(self, class_type: str) -> bool:
        """Return whether there is such a class."""

    def inputs(self, class_type: str) -> Mapping[str, InputSpec]:
        """Return every input by name, in the server's order; empty for an unknown class."""

    def input(self, class_type: str, input_name: str) -> InputSpec | None:
        """Return one input; `name.part` is a part of a dynamic one."""

    def outputs(self, class_type: str) -> tuple[str, ...]:
        """Return the types of its outputs, in order."""

    def output_names(self, class_type: str) -> tuple[str, ...]:
        """Return the names of its outputs, in order."""

    def is_partner(self, class_type: str) -> bool:
        """Return whether it calls a paid service."""

    def is_output_node(self, class_type: str) -> bool:
        """Return whether its results are results of the run."""

    def display_name(self, class_type: str) -> str:
        """Return its title in the editor."""


def is_shown(spec: InputSpec) -> bool:
    """Return whether the editor has a widget for it."""
    return spec.widget in SHOWN and not spec.is_socket
