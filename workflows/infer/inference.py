"""Inference of a manifest: the inputs that the author exposed, then traced ones."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflows.graph import Graph, Slot, upstream
from workflows.infer.files import find_media, find_models, is_model
from workflows.infer.found import MEDIA_ROLES, Found, Role
from workflows.infer.kinds import guess_kind, results_of
from workflows.infer.markers import find_markers
from workflows.infer.merging import find_pairs, keep_apart, merge, rank
from workflows.infer.naming import named
from workflows.infer.numbers import find_numbers
from workflows.infer.outputs import check_outputs
from workflows.infer.prompts import find_prompts
from workflows.infer.shapes import fields, size_fields, type_of
from workflows.infer.surface import Surfaced, find_app_outputs, find_surface
from workflows.infer.view import GraphView
from workflows.manifest import Manifest
from workflows.nodes import NodeClasses
from workflows.paths import names_file

MOST_OPTIONS = 23
"""Options of a slash command in addition to `private` and `spoiler`."""

MANY_PROMPTS = 3
"""From this number on, prompts are views or scenes that the author wrote."""

TITLE_CHARACTERS = 100

_PROMPT = re.compile(r"prompt", re.IGNORECASE)

_SIZE = frozenset({Role.WIDTH, Role.HEIGHT, Role.ASPECT})
_BY_NAME = re.compile(
    r"(?P<seed>(noise_)?seed)|(?P<width>width)|(?P<height>height)|(?P<steps>steps)"
    r"|(?P<length>length|frames|frame_count|num_frames)|(?P<duration>duration|seconds)"
)
"""Roles by label, for inputs that tracing does not recognize."""


@dataclass(frozen=True, slots=True)
class Inference:
    """A manifest, with a sentence by each input's name that says why it is there.

    `results` are what the graph makes, in plain words; `notes` are for an operator; `problems` are
    why the graph cannot be used.
    """

    manifest: Manifest
    reasons: Mapping[str, str]
    results: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def infer(
    graph: Graph,
    classes: NodeClasses | None = None,
    *,
    title: str,
    command: str | None = None,
    export: Mapping[str, Any] | None = None,
) -> Inference:
    """Infer a manifest for a graph; `export` is the editor's format it was converted from.

    If two values could be meant, both are asked for, under different names; none is guessed.
    """
    return _Inferring(graph, classes, export).finish(title, command)


class _Inferring:
    """State of the inference for one graph."""

    def __init__(
        self, graph: Graph, classes: NodeClasses | None, export: Mapping[str, Any] | None
    ) -> None:
        surface, stale = find_surface(export, graph) if export is not None else ([], [])
        settable = [slot for one in surface for slot in one.slots]
        self._view = GraphView(graph, classes, settable)
        ends = self._view.output_nodes()
        shown = find_app_outputs(export, graph) if export is not None else ()
        self._shown = tuple(one for one in shown if one in ends)
        self._ends = self._shown or ends
        self._live = self._view.live(self._ends)
        self._is_app = any(one.is_app for one in surface)
        self._surface = surface
        self._problems, notes = check_outputs(self._view, self._ends)
        self._notes: list[str] = [*stale, *notes]

    def finish(self, title: str, command: str | None) -> Inference:
        view, live = self._view, self._live
        results = results_of(view, self._ends)
        chosen = self._choose()
        found = merge(view, [*chosen, *self._fill(chosen)])
        found = keep_apart(
            [self._without_path_targets(self._hide_unusual(one, results)) for one in found]
        )
        kind = guess_kind(view, live, found, results)
        entries = self._limited(list(named(view, self._tables(found))))
        if not any(one.role is Role.PROMPT for one in found):
            self._notes.append(
                "It has no text that people would write: the command asks for no prompt."
            )
        manifest = {
            "title": _title(title),
            "kind": kind,
            "command": command,
            "input": [table for _, table in entries],
            "output": {"nodes": self._shown},
            "classes": self._classes(entries),
        }
        return Inference(
            Manifest.model_validate(manifest),
            {table["name"]: found.reason for found, table in entries},
            results,
            tuple(self._notes),
            tuple(self._problems),
        )

    def _trace(self) -> list[Found]:
        view, live = self._view, self._live
        traced = [
            *find_prompts(view, live),
            *find_media(view, live),
            *find_numbers(view, live),
            *find_models(
                view, sorted(upstream(view.graph, self._ends), key=list(view.graph).index)
            ),
        ]
        markers = {one.slots: one for one in find_markers(view, live, traced)}
        kept = []
        for one in traced:
            marker = markers.pop(one.slots, None)
            if marker is None:
                kept.append(one)
            elif marker.is_chosen or one.role in {Role.PROMPT, Role.NEGATIVE, Role.OTHER}:
                kept.append(replace(marker, name=marker.name or one.name))
            else:
                kept.append(one)
        return kept + [one for one in markers.values() if one.is_chosen]

    def _choose(self) -> list[Found]:
        """Return the inputs that the author exposed, with their traced roles."""
        live = set(self._live)
        self._traced = self._trace()
        known = {slot: one for one in self._traced for slot in one.slots}
        chosen = []
        for surfaced in self._surface:
            slots = tuple(slot for slot in surfaced.slots if slot.node_id in live)
            if slots:
                traced = next((known[slot] for slot in slots if slot in known), None)
                chosen.append(self._surfaced(surfaced, slots, traced))
        return chosen

    def _surfaced(self, surfaced: Surfaced, slots: tuple[Slot, ...], traced: Found | None) -> Found:
        chosen = Found(
            Role.OTHER,
            slots,
            surfaced.reason,
            surfaced.label,
            is_chosen=True,
            description=surfaced.description,
        )
        if is_model(self._view, slots[0]):
            if traced is not None and traced.role is Role.MODEL:
                return replace(chosen, role=Role.MODEL)
            return replace(chosen, role=Role.FILE, is_hidden=not surfaced.is_app)
        if traced is not None:
            has_own_name = surfaced.is_app and traced.role in MEDIA_ROLES
            is_said_elsewhere = traced.role in {Role.PROMPT, Role.NEGATIVE}
            return replace(
                chosen,
                role=traced.role,
                slots=tuple(dict.fromkeys((*slots, *traced.slots))) if is_said_elsewhere else slots,
                name=traced.name if has_own_name else surfaced.label,
                reason=f"{surfaced.reason} {traced.reason}",
                replaces=traced.replaces,
            )
        is_number = type(self._view.value(slots[0])) in (int, float)
        return replace(chosen, role=_role_by_name(surfaced, slots[0])) if is_number else chosen

    def _fill(self, chosen: Sequence[Found]) -> list[Found]:
        """Return traced inputs that the author did not expose: required and common ones."""
        taken = {slot for one in chosen for slot in one.slots}
        has = {one.role for one in chosen}
        left = [one for one in self._traced if not taken.intersection(one.slots)]
        left = [one for one in left if one.slots or one.replaces]
        if not chosen:
            return left
        at_top = {one.role for one in left if _is_at_top(one)}
        wanted = []
        for one in left:
            if self._is_wanted(one, has, at_top):
                wanted.append(one)
            elif one.role in {Role.MODEL, Role.LORA}:
                # Hidden, but a backend must have the file.
                wanted.append(replace(one, role=Role.FILE, is_hidden=True))
        return wanted

    def _is_wanted(self, found: Found, has: set[Role], at_top: set[Role]) -> bool:
        if found.role in MEDIA_ROLES or found.role is Role.FILE or found.is_chosen:
            return True
        if found.role is Role.SEED:
            return True
        if found.role in _SIZE:
            return not self._is_app and has.isdisjoint(_SIZE)
        if found.role in has:
            return False
        if found.role is Role.PROMPT:
            return _is_at_top(found) or Role.PROMPT not in at_top
        return not self._is_app and _is_at_top(found)

    def _hide_unusual(self, found: Found, results: Sequence[str]) -> Found:
        """Hide inputs that are unusual for results of this kind."""
        is_odd = found.role is Role.COUNT and list(results) != ["pictures"]
        if found.role in {Role.MODEL, Role.LORA, Role.LORA_STRENGTH}:
            is_odd = not any(one.role is Role.PROMPT for one in self._traced)
        return replace(found, is_hidden=True) if is_odd and not found.is_chosen else found

    def _without_path_targets(self, found: Found) -> Found:
        """Remove targets that name a file: typed text is never written there."""
        if found.role in MEDIA_ROLES:
            return found
        slots = tuple(slot for slot in found.slots if not self._names_file(slot))
        if slots == found.slots or type(self._view.value(found.slots[0])) is not str:
            return found
        if not slots:
            return replace(found, is_hidden=True)
        left = ", ".join(str(slot) for slot in found.slots if slot not in slots)
        self._notes.append(
            f"What people write does not go to {left}, which names a file: it keeps its value."
        )
        return replace(found, slots=slots)

    def _names_file(self, slot: Slot) -> bool:
        is_given = self._view.type_of(slot) in {"STRING", "*"}
        return is_given and names_file(slot, self._view.graph, self._view.classes)

    def _tables(self, found: Sequence[Found]) -> list[tuple[Found, dict[str, Any]]]:
        tables: list[tuple[Found, dict[str, Any]]] = []
        sizes = find_pairs(self._view, found)
        for one in found:
            if one in sizes:
                height = sizes[one]
                reason = f"{one.reason} {height.reason}" if not one.is_chosen else one.reason
                size = replace(one, reason=reason, name="size")
                tables.append((size, size_fields(self._view, one, height)))
            elif one not in sizes.values():
                kind = type_of(self._view, one)
                if kind is not None:
                    tables.append((one, fields(self._view, one, kind)))
        _require_prompts(tables)
        tables += self._lora(found)
        return sorted(tables, key=lambda entry: self._place(entry[0]))

    def _place(self, found: Found) -> tuple[bool, int]:
        """Return the sort key of an input: its place in App mode, then its importance."""
        if self._is_app and found.is_chosen:
            return False, 0
        return True, rank(found)

    def _lora(self, found: Sequence[Found]) -> list[tuple[Found, dict[str, Any]]]:
        """Add a LoRA input after the only checkpoint, if the graph has none."""
        models = [one for one in found if one.role is Role.MODEL and not one.is_hidden]
        has_lora = any("lora" in slot.input_name for one in found for slot in one.slots)
        if len(models) != 1 or len(models[0].slots) != 1 or has_lora:
            return []
        loader = models[0].slots[0].node_id
        if not any(link.output == 0 for _, link in self._view.users(loader)):
            return []
        reason = f"A LoRA can go between {self._view.title(loader)} and what uses it."
        return [(Found(Role.LORA, (), reason, "lora"), {"type": "lora", "wraps": loader})]

    def _limited(
        self, entries: list[tuple[Found, dict[str, Any]]]
    ) -> list[tuple[Found, dict[str, Any]]]:
        """Hide the inputs beyond the number of options of a command."""
        shown = [table for _, table in entries if not table.get("hidden")]
        required = [table for table in shown if table.get("required")]
        optional = [
            table
            for _, table in sorted(entries, key=lambda entry: rank(entry[0]))
            if not table.get("hidden") and not table.get("required")
        ]
        too_many = optional[max(MOST_OPTIONS - len(required), 0) :]
        for table in too_many:
            table["hidden"] = True
        if too_many:
            names = ", ".join(table["name"] for table in too_many)
            self._notes.append(f"A command has room for {MOST_OPTIONS} inputs; hidden: {names}.")
        return sorted(entries, key=lambda entry: bool(entry[1].get("hidden")))

    def _classes(self, entries: Iterable[tuple[Found, dict[str, Any]]]) -> dict[str, str]:
        targets = [
            target
            for _, table in entries
            for name in ("targets", "positions", "width", "height")
            for target in table.get(name, ())
        ]
        ids = dict.fromkeys(target.partition(".")[0] for target in targets)
        return {node_id: self._view.class_of(node_id) for node_id in ids}


def _role_by_name(surfaced: Surfaced, slot: Slot) -> Role:
    for name in (surfaced.label.casefold(), slot.input_name.rpartition(".")[2]):
        match = _BY_NAME.fullmatch(name)
        if match and match.lastgroup:
            return Role(match.lastgroup)
    return Role.OTHER


def _require_prompts(tables: Sequence[tuple[Found, dict[str, Any]]]) -> None:
    """Make a single prompt required, even if its author left it empty.

    Of two, the author's text is the default of the other. Many are views or scenes, and all keep
    the author's text as their default.
    """
    prompts = [(found, table) for found, table in tables if found.role is Role.PROMPT]
    first = max(prompts, key=_is_the_prompt, default=None)
    if first is not None and len(prompts) < MANY_PROMPTS:
        first[1]["required"] = True


def _is_the_prompt(entry: tuple[Found, dict[str, Any]]) -> bool:
    """Return whether the name says that it is the prompt."""
    return bool(_PROMPT.search(entry[0].name))


def _is_at_top(found: Found) -> bool:
    return all(":" not in slot.node_id for slot in found.slots)


def _title(text: str) -> str:
    plain = " ".join(text.replace("_", " ").split()) or "Workflow"
    return f"{plain[0].upper()}{plain[1:]}"[:TITLE_CHARACTERS]
