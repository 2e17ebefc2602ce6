"""What a workflow must know of node classes: the part of a backend's /object_info it reads.

Whoever has such a description (`comfy.protocol.object_info` reads one) hands it in.
"""

from collections.abc import Mapping
from typing import Protocol

SHOWN = frozenset(
    {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COMFY_DYNAMICCOMBO_V3"}
    | {"COLOR", "COLORS", "CURVE", "RANGE", "BOUNDING_BOX", "BOUNDING_BOXES", "IMAGECOMPARE"}
    | {"LOAD_3D", "PREVIEW_3D", "AUDIO_RECORD", "AUDIO_UI", "WEBCAM", "MARKDOWN", "PAINTER"}
    | {"IMAGEUPLOAD", "MULTISELECT", "GALLERIA", "CHART", "SELECTBUTTON", "TEXTAREA", "COMPOSITOR"}
)
"""Types that the editor has a widget for; an input of any other type is a socket alone."""


class Alternative(Protocol):
    """One choice of a dynamic list, with the inputs that it brings along."""

    @property
    def key(self) -> str:
        """What is chosen."""

    @property
    def inputs(self) -> "Mapping[str, InputSpec]":
        """Its inputs by name, in order; in a graph they are called `list.name`."""


class InputSpec(Protocol):
    """One input of a node class."""

    @property
    def type(self) -> str:
        """ComfyUI's name, such as INT, STRING or MODEL; COMBO for every list."""

    @property
    def required(self) -> bool:
        """Whether the node cannot run without it."""

    @property
    def default(self) -> object:
        """What the editor starts with; None where nothing is said."""

    @property
    def min(self) -> float | None:
        """The least number."""

    @property
    def max(self) -> float | None:
        """The greatest number."""

    @property
    def step(self) -> float | None:
        """Between two numbers."""

    @property
    def choices(self) -> tuple[str, ...] | None:
        """What a list offers; None where that is not known."""

    @property
    def tooltip(self) -> str | None:
        """What the editor says of it."""

    @property
    def multiline(self) -> bool:
        """Whether it is a text of several lines."""

    @property
    def upload(self) -> str | None:
        """The kind of uploaded file it names: image, video, audio or file."""

    @property
    def is_socket(self) -> bool:
        """Whether it can only be connected, although its type could be typed in."""

    @property
    def widget(self) -> str:
        """The type whose widget the editor shows; mostly the type itself."""

    @property
    def has_control(self) -> bool | None:
        """Whether "control after generate" stands beside it; None where nothing is said."""

    @property
    def has_dynamic_prompts(self) -> bool:
        """Whether the editor resolves {a|b} and comments in its text."""

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The choices of a dynamic list."""


class NodeClasses(Protocol):
    """The node classes of a backend."""

    def has(self, class_type: str) -> bool:
        """Whether there is such a class."""

    def inputs(self, class_type: str) -> Mapping[str, InputSpec]:
        """Every input by name, in the server's order; empty for an unknown class."""

    def input(self, class_type: str, input_name: str) -> InputSpec | None:
        """One input; `name.part` is a part of a dynamic one."""

    def outputs(self, class_type: str) -> tuple[str, ...]:
        """The types of its outputs, in order."""

    def output_names(self, class_type: str) -> tuple[str, ...]:
        """What its outputs are called, in order."""

    def is_partner(self, class_type: str) -> bool:
        """Whether it calls a service that is paid for."""

    def is_output_node(self, class_type: str) -> bool:
        """Whether its results are results of the run."""

    def display_name(self, class_type: str) -> str:
        """The title people know it by."""


def is_shown(spec: InputSpec) -> bool:
    """Whether the editor has a widget for it."""
    return spec.widget in SHOWN and not spec.is_socket
