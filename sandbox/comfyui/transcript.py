"""Record of requests and executions, for assertions in tests and for audits of a run."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Post:
    """A posted graph with what was sent along, and whether it was queued."""

    prompt_id: str
    client_id: str | None
    graph: Graph
    accepted: bool
    extra_data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass
class Execution:
    """An execution of a graph: the nodes that ran, and how it ended (None: killed)."""

    prompt_id: str
    client_id: str | None
    nodes: list[str] = field(default_factory=list)
    steps: int = 0
    ending: str | None = None


@dataclass(frozen=True)
class Upload:
    """An uploaded file, by its stored name."""

    name: str
    subfolder: str
    kind: str
    size: int


@dataclass(frozen=True)
class Cancel:
    """A cancellation: `route` is the endpoint that was used, `effect` what it did."""

    route: str
    prompt_id: str | None
    effect: bool


@dataclass
class Transcript:
    """All records since the stand-in was created; restarts of the server keep them."""

    posts: list[Post] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    cancels: list[Cancel] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def executions_of(self, prompt_id: str) -> list[Execution]:
        """Return every execution of this prompt id, killed ones included."""
        return [execution for execution in self.executions if execution.prompt_id == prompt_id]

    def repeated(self) -> tuple[str, ...]:
        """Return the prompt ids that were executed more than once."""
        runs = Counter(execution.prompt_id for execution in self.executions)
        return tuple(prompt_id for prompt_id, count in runs.items() if count > 1)
