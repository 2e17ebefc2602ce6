"""The context and the result of a running node."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from PIL import Image

from sandbox.comfyui.folders import Folders

Produced = TypeVar("Produced")
Inputs: TypeAlias = Mapping[str, Any]


class RunContext(Protocol):
    """Services of the server for a running node."""

    version: str
    largest_drawing: int | None
    folders: Folders
    graph: Mapping[str, Any]
    extra_data: Mapping[str, Any]

    async def load(self, name: str) -> None:
        """Wait as long as loading this model takes; a loaded model takes no time."""

    async def step(
        self, value: int, maximum: int, preview: Callable[[], Image.Image] | None
    ) -> None:
        """Report one finished step; raises when the run was interrupted."""

    async def show_text(self, text: str) -> None:
        """Send a text frame about this node."""

    async def show_picture(self, value: int, maximum: int, picture: Image.Image) -> None:
        """Send a picture as a result over the socket."""

    async def in_thread(self, function: Callable[..., Produced], *arguments: object) -> Produced:
        """Run something slow in the server's worker thread."""


@dataclass(frozen=True)
class Result:
    """A node's outputs for other nodes, and what is reported to clients."""

    outputs: tuple[Any, ...] = ()
    ui: dict[str, Any] | None = None


QuickNode: TypeAlias = Callable[[RunContext, Inputs], Result]
SlowNode: TypeAlias = Callable[[RunContext, Inputs], Awaitable[Result]]


class NodeError(Exception):
    """A node failed; `exception_type` is the name a client is told."""

    def __init__(self, message: str, exception_type: str = "Exception") -> None:
        super().__init__(message)
        self.exception_type = exception_type
