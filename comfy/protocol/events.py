"""Events of one run, in order; the last is Succeeded, or an error is raised."""

from dataclasses import dataclass, field
from enum import StrEnum


class MediaKind(StrEnum):
    """Kind of an output by its file extension: ComfyUI's output keys are unreliable."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    MODEL_3D = "3d"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file on the backend; `folder_type` is ComfyUI's `output`, `temp` or `input`.

    `asset_id` is set if the backend addresses files by an id of its own.
    """

    node_id: str
    filename: str
    subfolder: str
    folder_type: str
    kind: MediaKind
    asset_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutputText:
    """Text that a node showed."""

    node_id: str
    text: str


@dataclass(frozen=True, slots=True)
class OutputBytes:
    """A result that came over the socket itself (SaveImageWebsocket), a PNG."""

    node_id: str
    content: bytes = field(repr=False)


Output = OutputFile | OutputText | OutputBytes


@dataclass(frozen=True, slots=True)
class Submitted:
    """The backend has the graph. `was_known` says that it was re-attached."""

    prompt_id: str
    was_known: bool


@dataclass(frozen=True, slots=True)
class Started:
    """The graph runs; the nodes in `cached` will not run again."""

    cached: frozenset[str]


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node started. After a reconnect the first ones may be missing."""

    node_id: str


@dataclass(frozen=True, slots=True)
class StepDone:
    """A node's own progress: `value` of `maximum` sampler steps or tiles."""

    node_id: str
    value: int
    maximum: int


@dataclass(frozen=True, slots=True)
class NodeText:
    """A text that a node shows while it runs; a newer one replaces it."""

    node_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview of this run, never of another. `media_type` is image/jpeg or image/png."""

    media_type: str
    image: bytes = field(repr=False)
    node_id: str | None = None


@dataclass(frozen=True, slots=True)
class OutputsReady:
    """A node's outputs can be fetched, while later nodes may still run."""

    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The last event: every output of the run. `fully_cached` means that no node ran."""

    outputs: tuple[Output, ...]
    fully_cached: bool


RunEvent = (
    Submitted | Started | NodeStarted | StepDone | NodeText | Preview | OutputsReady | Succeeded
)
