"""What inference asks of node classes; `comfy.object_info` answers it, without knowing this."""

from collections.abc import Mapping
from typing import Any, Protocol


class InputSpec(Protocol):
    """One input of a node class. `upload` is image, video, audio or file."""

    @property
    def type(self) -> str:
        """ComfyUI's name, such as INT, STRING or MODEL; COMBO for a list."""

    @property
    def default(self) -> Any:  # noqa: ANN401 - whatever the class says
        """What the editor starts with."""

    @property
    def min(self) -> float | None:
        """The smallest number."""

    @property
    def max(self) -> float | None:
        """The largest number."""

    @property
    def step(self) -> float | None:
        """What numbers are multiples of, counted from `min`."""

    @property
    def choices(self) -> tuple[str, ...] | None:
        """What a list takes."""

    @property
    def tooltip(self) -> str | None:
        """The author's explanation."""

    @property
    def multiline(self) -> bool:
        """Whether the editor shows a text area."""

    @property
    def upload(self) -> str | None:
        """What is uploaded for it."""


class NodeClasses(Protocol):
    """The node classes of a backend, or of several."""

    def has(self, class_type: str) -> bool:
        """Whether the class is known."""

    def inputs(self, class_type: str) -> Mapping[str, InputSpec]:
        """Every input by name; empty for an unknown class."""

    def input(self, class_type: str, input_name: str) -> InputSpec | None:
        """One input; `name.part` is a part of a dynamic one."""

    def outputs(self, class_type: str) -> tuple[str, ...]:
        """The types of the outputs, in order."""

    def output_names(self, class_type: str) -> tuple[str, ...]:
        """What the outputs are called, in order."""

    def is_output_node(self, class_type: str) -> bool:
        """Whether its results are results of the run."""

    def display_name(self, class_type: str) -> str:
        """What the editor calls its nodes."""
