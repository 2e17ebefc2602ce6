"""Reports on workflows before they are enabled: inputs, node classes, models and problems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from comfy.protocol.object_info import ObjectInfo
from generation.backends.capability import find_classes
from generation.backends.common_classes import CommonClasses
from generation.library.models import WantedModel, find_wanted_models
from generation.requests.checkpoints import find_default
from workflows.carriers import Carried, read
from workflows.convert import convert
from workflows.errors import Sentence, UnknownClasses, WorkflowUnusable
from workflows.folders.loading import WAITING, NeedsClasses, with_inference
from workflows.graph import Graph, parse_graph
from workflows.infer.inference import Inference, infer
from workflows.infer.partial import complete, is_partial
from workflows.manifest import Input
from workflows.model_files import with_model_sources
from workflows.reading import parse_table, read_table
from workflows.workflow import Workflow
from workflows.writing import write_manifest


@dataclass(frozen=True, slots=True)
class InspectedInput:
    """One input: its question, its targets and the reason; a number's `bounds`, such as 1…4."""

    name: str
    type: str
    required: bool
    is_hidden: bool
    default: str
    bounds: str
    targets: tuple[str, ...]
    reason: str
    choice_count: int = 0


@dataclass(frozen=True, slots=True)
class Fitness:
    """What a backend lacks for a workflow: node classes and models.

    `stand_ins` maps each missing model to the installed one that is used instead.
    """

    backend: str
    nodes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    stand_ins: Mapping[str, str] = field(default_factory=dict)

    @property
    def can_run(self) -> bool:
        """Whether nothing is missing."""
        return not self.nodes and not self.models


@dataclass(frozen=True, slots=True)
class Inspection:
    """A report on one workflow. `problems` are the reasons why it cannot be used, as sentences.

    `unknown_classes` are node classes that no backend has; `is_paid` says whether a node calls a
    paid service.

    `cost` is in pictures of the quota, for each picture or, with a `cost_input`, for every started
    `cost_unit` of that input.
    """

    name: str
    title: str
    kind: str
    command: str | None
    cost: int
    cost_unit: float | None
    cost_input: str | None
    inputs: tuple[InspectedInput, ...]
    results: tuple[str, ...]
    backends: tuple[Fitness, ...]
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    unknown_classes: tuple[str, ...] = ()
    is_paid: bool = False
    models: tuple[WantedModel, ...] = ()
    workflow: Workflow | None = field(default=None, repr=False)

    @property
    def is_usable(self) -> bool:
        """Whether it can be enabled."""
        return not self.problems

    def manifest_text(self, schema: str | None = None) -> str:
        """Return the equivalent `workflow.toml`, for editing."""
        if self.workflow is None:
            raise ValueError("What cannot be used cannot be written.")
        return write_manifest(
            self.workflow.manifest, self.workflow.reasons, notes=self.notes, schema=schema
        )


def template_of(sentence: str) -> tuple[str, Mapping[str, object]]:
    """Return a problem's template and facts, by which it is translated."""
    if isinstance(sentence, Sentence):
        return sentence.template, sentence.facts
    return sentence, {}


def inspect_file(
    content: bytes,
    name: str,
    infos: Mapping[str, ObjectInfo],
    *,
    manifest: str | None = None,
    default_models: Sequence[str] = (),
) -> Inspection:
    """Report on a file of any kind. Raises WorkflowUnusable if it contains no workflow.

    `infos` is what each backend offers, by its name; `manifest` is the operator's own, if any.
    """
    classes = CommonClasses(tuple(infos.values())) if infos else None
    carried = read(content)
    graph, problems, remarks = _convert(carried, classes)
    inferred = infer(graph, classes, title=name, command=name, export=carried.export)
    if manifest is not None:
        table = read_table(manifest)
        if is_partial(table):
            inferred = complete(table, inferred)
        else:
            own = parse_table(table)
            inferred = Inference(own, {}, inferred.results, problems=inferred.problems)
    try:
        workflow = with_inference(name, graph, inferred, classes)
    except WorkflowUnusable as error:
        workflow = Workflow(
            name, inferred.manifest, graph, inferred.reasons, inferred.results, inferred.notes
        )
        problems += error.sentences
    workflow = with_model_sources(workflow, carried.export)
    report = inspect_workflow(workflow, infos, default_models=default_models)
    notes = tuple(dict.fromkeys((*remarks, *workflow.notes)))
    return replace(report, problems=problems, notes=notes)


def inspect_workflow(
    workflow: Workflow,
    infos: Mapping[str, ObjectInfo],
    *,
    default_models: Sequence[str] = (),
) -> Inspection:
    """Report on a workflow that can be used."""
    manifest = workflow.manifest
    inputs = tuple(
        _inspected(input_, workflow.reasons.get(input_.name, "")) for input_ in manifest.inputs
    )
    fitness = tuple(find_fitness(workflow, name, infos[name], default_models) for name in infos)
    return Inspection(
        name=workflow.name,
        title=manifest.title,
        kind=manifest.kind.value,
        command=manifest.command,
        cost=manifest.cost,
        cost_unit=manifest.cost_unit,
        cost_input=manifest.cost_input,
        inputs=inputs,
        results=workflow.results,
        backends=fitness,
        notes=workflow.notes,
        unknown_classes=_unknown_classes(workflow.graph, infos),
        is_paid=is_paid(workflow.graph, infos),
        models=find_wanted_models([workflow], infos),
        workflow=workflow,
    )


def is_paid(graph: Graph, infos: Mapping[str, ObjectInfo]) -> bool:
    """Return whether a node calls a paid service."""
    return any(info.is_partner(one) for info in infos.values() for one in find_classes(graph))


def _unknown_classes(graph: Graph, infos: Mapping[str, ObjectInfo]) -> tuple[str, ...]:
    """Return node classes that no backend has; none if no backend was asked."""
    return tuple(
        one
        for one in sorted(find_classes(graph))
        if infos and not any(info.has(one) for info in infos.values())
    )


def find_missing_nodes(graph: Graph, info: ObjectInfo) -> tuple[str, ...]:
    """Return the node classes that a backend lacks."""
    return tuple(sorted(one for one in find_classes(graph) if not info.has(one)))


def find_fitness(
    workflow: Workflow, backend: str, info: ObjectInfo, default_models: Sequence[str]
) -> Fitness:
    """Determine what the backend lacks for a run with the default models."""
    missing: dict[str, None] = {}
    stand_ins = {}
    for name, (class_type, input_name) in workflow.model_slots.items():
        wanted = workflow.manifest.find(name)
        choices = info.choices(class_type, input_name)
        if wanted is None or choices is None or wanted.wraps is not None:
            continue
        is_exact = workflow.manifest.is_exact(wanted)
        found = find_default(wanted, choices, default_models, is_exact=is_exact)
        if found is None:
            missing[str(wanted.default)] = None
        elif found != wanted.default:
            stand_ins[str(wanted.default)] = found
    return Fitness(backend, find_missing_nodes(workflow.graph, info), tuple(missing), stand_ins)


def _convert(
    carried: Carried, classes: CommonClasses | None
) -> tuple[Graph, tuple[str, ...], tuple[str, ...]]:
    """Return the graph of a file, converted where necessary, with its problems and notes.

    With unknown classes, the rest is still reported.
    """
    if carried.graph is not None:
        return parse_graph(carried.graph), (), carried.remarks
    if classes is None:
        raise NeedsClasses([WAITING])
    converted = convert(carried.export or {}, classes)
    problems = UnknownClasses(converted.unknown).sentences
    return parse_graph(converted.graph), problems, (*carried.remarks, *converted.losses)


def _inspected(wanted: Input, reason: str) -> InspectedInput:
    return InspectedInput(
        name=wanted.name,
        type=wanted.type.value,
        required=wanted.required,
        is_hidden=wanted.hidden,
        default=_default_text(wanted.default),
        bounds=_bounds(wanted),
        targets=tuple(map(str, wanted.slots))
        or tuple(filter(None, (wanted.wraps, wanted.replaces))),
        reason=reason,
        choice_count=len(wanted.choices),
    )


def _default_text(value: object) -> str:
    if isinstance(value, float):
        # Editors save what a slider computed, such as 0.8700000000000001.
        return f"{value:.6g}"
    return "" if value is None else str(value)


def _bounds(wanted: Input) -> str:
    least, most = (("" if one is None else f"{one:g}") for one in (wanted.min, wanted.max))
    return f"{least}…{most}" if least or most else ""
