"""Injectable faults of the stand-in ComfyUI, and the plan that selects the one that is due.

A fault is a value: what goes wrong, how often and, where that matters, at which step. The
stand-in applies it.
"""

from dataclasses import dataclass, field
from typing import TypeVar


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong `times` times; only for `prompt_id` when one is given."""

    times: int = 1
    prompt_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class StepFault(Fault):
    """A fault that strikes while a sampler finishes step `at_step` (the first is 1)."""

    at_step: int = 1


@dataclass(frozen=True, kw_only=True)
class KillSockets(StepFault):
    """Every web socket is cut without a close frame; the run goes on."""


@dataclass(frozen=True, kw_only=True)
class SilenceSockets(StepFault):
    """Every open web socket stays open and never says anything again.

    Pings are still answered, as by a server that forgot the socket; with `answers_pings` false it
    is a connection whose other end is gone.
    """

    answers_pings: bool = True


@dataclass(frozen=True, kw_only=True)
class Restart(StepFault):
    """The server restarts: sockets cut, queue and history gone, numbering from zero."""


@dataclass(frozen=True, kw_only=True)
class Stop(StepFault):
    """The server goes away and stays away until it is started again."""


@dataclass(frozen=True, kw_only=True)
class GarbagePreview(StepFault):
    """The step's preview holds bytes that are no picture."""


@dataclass(frozen=True, kw_only=True)
class StrangeFrames(StepFault):
    """Unknown message types and binary events, and frames that cannot be read at all."""


@dataclass(frozen=True, kw_only=True)
class BigFrame(StepFault):
    """One binary frame of `size` bytes in a preview's place."""

    size: int = 20 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ClearQueue(StepFault):
    """Another client clears the queue: waiting prompts vanish without a message."""


@dataclass(frozen=True, kw_only=True)
class StrangerInterrupts(StepFault):
    """Another client sends an interrupt without a prompt id."""


@dataclass(frozen=True, kw_only=True)
class NodeFails(Fault):
    """A node of `class_type` raises when it runs; without one, the first node that runs does."""

    class_type: str | None = None
    exception_type: str = "RuntimeError"
    message: str = "mat1 and mat2 shapes cannot be multiplied (1x768 and 2048x256)"


@dataclass(frozen=True, kw_only=True)
class OutOfMemory(Fault):
    """A node of `class_type` runs out of GPU memory."""

    class_type: str | None = "KSampler"


@dataclass(frozen=True, kw_only=True)
class AnswerAfterRun(Fault):
    """POST /prompt is answered only when the whole run is over."""


@dataclass(frozen=True, kw_only=True)
class NoAnswer(Fault):
    """POST /prompt is accepted and never answered."""


@dataclass(frozen=True, kw_only=True)
class HistoryDelayed(Fault):
    """The history entry appears `seconds` after the message that ends the run."""

    seconds: float = 0.2


@dataclass(frozen=True, kw_only=True)
class StopAnswering(Fault):
    """Requests to a path that starts with `path` are accepted and never answered."""

    path: str = "/"


@dataclass(frozen=True, kw_only=True)
class ServerError(Fault):
    """Requests to a path that starts with `path` get a plain-text 500."""

    path: str = "/prompt"


@dataclass(frozen=True, kw_only=True)
class UploadTooLarge(Fault):
    """An upload is refused with 413, as over a limit of `limit` bytes."""

    limit: int = 104857600


@dataclass(frozen=True, kw_only=True)
class FalseCancel(Fault):
    """A job's cancel answers that it did something, and the job runs on."""


@dataclass(frozen=True, kw_only=True)
class LoseInterrupt(Fault):
    """An interrupt answers 200 and has no effect."""


@dataclass(frozen=True, kw_only=True)
class OutputDeleted(Fault):
    """The files a run saved are deleted before it is over."""


@dataclass(frozen=True, kw_only=True)
class WrongFile(Fault):
    """GET /view answers with these bytes and this status instead of the file."""

    status: int = 200
    content: bytes = b""
    location: str | None = None


@dataclass(frozen=True, kw_only=True)
class StrangersPrompt(Fault):
    """Another client's prompt, without a client id, is queued just before the next posted one."""

    steps: int = 4


FaultType = TypeVar("FaultType", bound=Fault)


@dataclass
class FaultPlan:
    """Which faults are still to come. Each is used up after its `times`."""

    _pending: list[tuple[Fault, int]] = field(default_factory=list)
    played: list[Fault] = field(default_factory=list)

    def add(self, *faults: Fault) -> None:
        """Plan faults, in addition to those already planned."""
        self._pending.extend((fault, fault.times) for fault in faults)

    def clear(self) -> None:
        """Forget every fault that has not been played yet."""
        self._pending.clear()

    def pending(self, kind: type[FaultType]) -> tuple[FaultType, ...]:
        """Return the planned faults of a kind without using them up."""
        return tuple(fault for fault, _ in self._pending if isinstance(fault, kind))

    def take(self, kind: type[FaultType], prompt_id: str | None = None) -> FaultType | None:
        """Use up one planned fault of a kind that is meant for this prompt, if there is one."""
        for fault in self.pending(kind):
            if fault.prompt_id in (None, prompt_id):
                return self._use(fault)
        return None

    def take_for_path(self, kind: type[FaultType], *paths: str) -> FaultType | None:
        """Use up one planned fault of a kind whose `path` is a prefix of one of these."""
        for fault in self.pending(kind):
            if any(path.startswith(getattr(fault, "path", "/")) for path in paths):
                return self._use(fault)
        return None

    def take_for_node(
        self, kind: type[FaultType], prompt_id: str, class_type: str
    ) -> FaultType | None:
        """Use up one planned fault of a kind that is meant for this class of node."""
        for fault in self.pending(kind):
            wanted = getattr(fault, "class_type", None)
            if fault.prompt_id in (None, prompt_id) and wanted in (None, class_type):
                return self._use(fault)
        return None

    def take_at_step(self, prompt_id: str, step: int) -> tuple[StepFault, ...]:
        """Use up every planned fault that is due at this step."""
        due = [
            fault
            for fault in self.pending(StepFault)
            if fault.at_step == step and fault.prompt_id in (None, prompt_id)
        ]
        return tuple(self._use(fault) for fault in due)

    def _use(self, fault: FaultType) -> FaultType:
        for index, (candidate, left) in enumerate(self._pending):
            if candidate is fault:
                if left > 1:
                    self._pending[index] = (candidate, left - 1)
                else:
                    del self._pending[index]
                break
        self.played.append(fault)
        return fault
