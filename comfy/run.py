"""State machine of one run: turns messages about its prompt id into events. No I/O."""

from comfy.backend import Graph
from comfy.errors import RunInterrupted
from comfy.mailbox import Mailbox
from comfy.protocol.events import (
    NodeStarted,
    NodeText,
    Output,
    OutputBytes,
    OutputsReady,
    Preview,
    Started,
    StepDone,
    Succeeded,
)
from comfy.protocol.failures import build_node_failure
from comfy.protocol.messages import (
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    Message,
    NodeExecuted,
    NodeExecuting,
    PreviewFrame,
    ProgressState,
    StepProgress,
    TextFrame,
    UnreadSnapshot,
)
from comfy.protocol.outputs import choose_results
from comfy.protocol.responses import RunRecord

SOCKET_OUTPUT_CLASSES = frozenset({"SaveImageWebsocket", "ETN_SendImageWebSocket"})
"""Node classes whose PNG frames are results, in the same kind of frame as previews."""


class Run:
    """The state of one followed run.

    `client_id` is the one that the server reports to; None if unknown. `now` is monotonic seconds.
    """

    def __init__(self, prompt_id: str, graph: Graph, *, stall_after: float, now: float) -> None:
        self.prompt_id = prompt_id
        self.graph = graph
        self.mailbox = Mailbox()
        self.stall_after = stall_after
        self.client_id: str | None = None
        self.posted_at: float | None = None
        self.is_submitted = False
        self.is_started = False
        self.was_reported = False
        self.may_have_missed = False
        self.missing_since: float | None = None
        self.last_sign_at = now
        self.record: RunRecord | None = None
        self._cached: frozenset[str] = frozenset()
        self._start_was_told = False
        self._any_node_ran = False
        self._outputs: list[Output] = []
        self._node_id: str | None = None
        self._shown_as: dict[str, str] = {}
        self._reporting_node_id: str | None = None
        self._last_step: StepDone | None = None

    @property
    def is_ended(self) -> bool:
        """Whether it has ended for its follower."""
        return self.mailbox.is_ended

    @property
    def needs_record(self) -> bool:
        """Whether the outputs are only in the run's record."""
        return self.record is None and (self.may_have_missed or not self._outputs)

    def receive(self, message: Message, now: float) -> None:
        """Process a message with this prompt id, or one that can only belong to this run."""
        if self.is_ended:
            return
        self.last_sign_at = now
        self.was_reported = True
        self.missing_since = None
        self._dispatch(message)

    def _dispatch(self, message: Message) -> None:
        # Ordered by frequency: this is where following a run spends its time.
        match message:
            case UnreadSnapshot() | ProgressState():
                self._take_snapshot(message)
            case StepProgress():
                self._reporting_node_id = self._node_id
                self._take_step(message)
            case PreviewFrame():
                self._take_picture(message)
            case NodeExecuting(node_id=str()):
                self._begin_node(message)
            case ExecutionStart():
                self.is_started = True
            case ExecutionCached():
                self.start(message.nodes)
            case TextFrame():
                node_id = self._shown_as.get(message.node_id, message.node_id)
                self.mailbox.put(NodeText(node_id, message.text))
            case NodeExecuted():
                self._add_outputs(message.outputs)
            case _:
                self._take_end(message)

    def _take_end(self, message: Message) -> None:
        match message:
            case ExecutionSuccess():
                self.mailbox.end()
            case ExecutionError():
                self.mailbox.fail(build_node_failure(message))
            case ExecutionInterrupted():
                self.mailbox.fail(RunInterrupted("The run was interrupted."))
            case NodeExecuting(node_id=None, prompt_id=str()):
                # The end message was missed; the record exists by now.
                self.may_have_missed = True
                self.mailbox.end()
            case _:
                pass

    def start(self, cached: frozenset[str] = frozenset()) -> None:
        """Record that the run has started, possibly known from the queue alone."""
        self.is_started = True
        self._cached = self._cached | cached
        if not self._start_was_told:
            self._start_was_told = True
            self.mailbox.put(Started(cached))

    def settle(self, record: RunRecord) -> None:
        """End the run as its record says."""
        self.record = record
        if record.failure is not None:
            self.mailbox.fail(record.failure)
        else:
            self.mailbox.end()

    def build_success(self) -> Succeeded:
        """Build the final event of a success; the record, if read, takes precedence."""
        outputs, cached = self._outputs, self._cached
        if self.record is not None:
            # Results that were sent over the socket are in no record.
            over_socket = [output for output in outputs if isinstance(output, OutputBytes)]
            outputs, cached = [*self.record.outputs, *over_socket], self.record.cached
        shown_by = {output.node_id for output in outputs}
        fully_cached = bool(cached) and not self._any_node_ran and shown_by <= cached
        return Succeeded(choose_results(outputs, self.graph), fully_cached)

    @property
    def awaits_socket_output(self) -> bool:
        """Whether a result that is sent over the socket only has not arrived yet."""
        sent = {output.node_id for output in self._outputs if isinstance(output, OutputBytes)}
        return any(
            node.get("class_type") in SOCKET_OUTPUT_CLASSES and node_id not in sent
            for node_id, node in self.graph.items()
        )

    @property
    def lost_its_result(self) -> bool:
        """Whether the result was sent over the socket while disconnected."""
        return self.may_have_missed and self.awaits_socket_output

    def _begin_node(self, message: NodeExecuting) -> None:
        if message.node_id is None:
            return
        node_id = message.shown_as or message.node_id
        self._shown_as[message.node_id] = node_id
        self.start()
        self._any_node_ran = True
        if node_id != self._node_id:
            self._node_id = node_id
            self.mailbox.put(NodeStarted(node_id))

    def _take_step(self, message: StepProgress) -> None:
        node_id = message.node_id or self._node_id
        if node_id is None or message.maximum < 1 or message.value < 0:
            return
        step = StepDone(
            self._shown_as.get(node_id, node_id),
            min(message.value, message.maximum),
            message.maximum,
        )
        if step != self._last_step:
            self._last_step = step
            self.mailbox.put(step)

    def _take_snapshot(self, message: ProgressState | UnreadSnapshot) -> None:
        """Process a snapshot, in which some nodes report steps that no other message has.

        A node without steps counts from 0 to 1 and is ignored. So are the steps of a node that
        sends messages of its own, because snapshots repeat them.
        """
        if self._reporting_node_id is not None and self._reporting_node_id == self._node_id:
            return
        snapshot = message.read() if isinstance(message, UnreadSnapshot) else message
        for step in snapshot.running:
            if step.maximum > 1 and step.value > 0:
                self._take_step(step)

    def _take_picture(self, message: PreviewFrame) -> None:
        node_id = message.node_id or self._node_id
        node = self.graph.get(node_id, {}) if node_id is not None else {}
        is_result = node.get("class_type") in SOCKET_OUTPUT_CLASSES
        if node_id is not None and is_result and message.media_type == "image/png":
            self._add_outputs((OutputBytes(node_id, message.image),))
        else:
            self.mailbox.put(Preview(message.media_type, message.image, node_id))

    def _add_outputs(self, outputs: tuple[Output, ...]) -> None:
        if outputs:
            self._outputs.extend(outputs)
            self.mailbox.put(OutputsReady(outputs))
