"""What a stand-in was asked and what it did, kept for tests and for auditing a run afterwards."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Post:
    """A graph somebody posted, and whether it was queued."""

    prompt_id: str
    client_id: str | None
    graph: Graph
    accepted: bool


@dataclass
class Execution:
    """A graph that was started, the nodes that really ran and how it ended (None: cut short)."""

    prompt_id: str
    client_id: str | None
    nodes: list[str] = field(default_factory=list)
    steps: int = 0
    ending: str | None = None


@dataclass(frozen=True)
class Upload:
    """A file somebody uploaded, by the name it was stored under."""

    name: str
    subfolder: str
    kind: str
    size: int


@dataclass(frozen=True)
class Cancel:
    """A request to stop something: `route` says through which door, `effect` what it did."""

    route: str
    prompt_id: str | None
    effect: bool


@dataclass
class Transcript:
    """Everything since the stand-in was built; restarts of the server do not empty it."""

    posts: list[Post] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    cancels: list[Cancel] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def posts_of(self, prompt_id: str) -> list[Post]:
        """Return every post that chose this prompt id."""
        return [post for post in self.posts if post.prompt_id == prompt_id]

    def executions_of(self, prompt_id: str) -> list[Execution]:
        """Return every run of this prompt id, also those that were cut short."""
        return [execution for execution in self.executions if execution.prompt_id == prompt_id]

    def repeated(self) -> tuple[str, ...]:
        """Return the prompt ids that were executed more than once."""
        runs = Counter(execution.prompt_id for execution in self.executions)
        return tuple(prompt_id for prompt_id, count in runs.items() if count > 1)
