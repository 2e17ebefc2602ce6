"""Errors of this package, by what a caller can do.

ComfyError
├── BackendUnreachable      nobody answers: try another backend, or later
│   └── BackendUntrusted    TLS fails: somebody must mend a certificate, or name its authority
├── NotComfyUI              something answers, but it is another program
├── BackendUnavailable      it answers, but takes no work: no credits, stopped, or full. Nothing ran
├── BackendRefused          an error status: wrong credentials, too large, or a server error
├── GraphRejected           the graph cannot run as it is: unknown classes, bad values
├── RunFailed               it ran and ended without success
│   ├── NodeFailed          a node raised
│   │   └── OutOfMemory     … because memory ran out
│   ├── RunInterrupted      somebody interrupted or cancelled it
│   ├── RunLost             the backend no longer knows the prompt id (it restarted, or was cleared)
│   ├── RunStalled          no sign of life for too long
│   └── OutcomeUnknown      it may have run, and nothing says whether: another try may cost twice
└── OutputGone              a file of the result is not there any more
"""

from collections.abc import Sequence
from dataclasses import dataclass


class ComfyError(Exception):
    """The base of every error that leaves this package."""


class BackendUnreachable(ComfyError):
    """No answer from the backend: refused, timed out, or cut off."""


class BackendUntrusted(BackendUnreachable):
    """TLS fails, so nothing was said to the backend."""


class NotComfyUI(ComfyError):
    """The address answers, but does not behave like ComfyUI."""


class BackendUnavailable(ComfyError):
    """The backend takes no work now, so nothing ran. `code` is its own reason."""

    passes = False

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class BackendRefused(ComfyError):
    """The backend answered with an error. `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class NodeProblem:
    """One thing wrong with one node, as ComfyUI's validation reports it.

    `input_name`, `received` and `allowed` are there where ComfyUI names them; `kind` is its
    error type, such as "value_not_in_list", "required_input_missing" or "missing_node_type".
    """

    node_id: str
    class_type: str
    kind: str
    message: str
    input_name: str | None = None
    received: str | None = None
    allowed: tuple[str, ...] = ()


class GraphRejected(ComfyError):
    """ComfyUI refused the graph, or accepted only a part of it (the run was then withdrawn)."""

    def __init__(self, message: str, problems: Sequence[NodeProblem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class RunFailed(ComfyError):
    """The run ended without success."""


class NodeFailed(RunFailed):
    """A node raised. `exception_message` is its first line, without server paths."""

    def __init__(
        self, *, node_id: str, class_type: str, exception_type: str, exception_message: str
    ) -> None:
        super().__init__(f"{class_type} (node {node_id}): {exception_message}")
        self.node_id = node_id
        self.class_type = class_type
        self.exception_type = exception_type
        self.exception_message = exception_message


class OutOfMemory(NodeFailed):
    """A node ran out of memory."""


class RunInterrupted(RunFailed):
    """The run was interrupted or cancelled."""


class RunLost(RunFailed):
    """The backend no longer knows the prompt id: it restarted, or its queue was cleared."""


class RunStalled(RunFailed):
    """No sign of life from the run for too long."""


class OutcomeUnknown(RunFailed):
    """The backend may have run the graph, and there is no way to find out."""


class OutputGone(ComfyError):
    """A file of the result is no longer on the backend."""
