"""Detection of prompts: texts traced from the nodes that use conditioning or a text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from workflows.graph import Link, Slot
from workflows.infer.found import Found, Role
from workflows.infer.prompt_groups import CONDITIONING, DRAWN, FoundText, group_texts
from workflows.infer.view import GraphView

_DOCUMENTS = frozenset({"DICT", "DICTIONARY", "ARRAY", "LIST", "JSON"})
STRING = "STRING"

_ENDS = frozenset({"ConditioningZeroOut"})
"""Nodes whose output carries no text, whatever the input."""

_TEXT = re.compile(
    r"(^|[._])(text|prompt|value|tags|lyrics|caption|clip_[lgh]|t5xxl|llama)([._]|$)"
)
_NEVER = re.compile(r"filename|prefix|suffix|expression|delimiter|regex|pattern|path|shader|sigmas")
_LYRICS = re.compile(r"lyrics")
_DRESSING = re.compile(r"find|index|delimiter|regex|pattern|key")
_TABLE = re.compile(r"find|index|regex|pattern|key")
"""Inputs of a node that looks up or replaces text: its own text is no prompt."""

_FORMAT = re.compile(r"f_string|format|template")
"""Inputs whose text is a template for others."""

_TOLD = re.compile(r"\s*you are (an?|the) ", re.IGNORECASE)
"""Beginning of a language model's instructions."""

_NEGATIVE = re.compile(r"neg|uncond", re.IGNORECASE)
_SYSTEM = re.compile(r"system|instruction|trigger|template", re.IGNORECASE)
_USER = re.compile(r"\buser\b", re.IGNORECASE)


def find_prompts(view: GraphView, live: Sequence[str]) -> list[Found]:
    """Return the prompts of the live nodes, in the order of their use."""
    texts = [*_conditioned(view, live), *_direct(view, live)] or list(_shown(view, live))
    if not any(text.role is Role.PROMPT for text in texts):
        texts = [replace(one, role=Role.PROMPT) if one.role is Role.OTHER else one for one in texts]
    texts = _without_instructions(view, texts)
    texts = _without_idle_negatives(view, live, texts)
    texts = _without_blanks(view, texts)
    return group_texts(view, texts)


def is_text(view: GraphView, slot: Slot) -> bool:
    """Return whether an input holds text that people might write."""
    if view.type_of(slot) != STRING or _NEVER.search(slot.input_name):
        return False
    if _FORMAT.search(slot.input_name):
        return False
    spec = view.spec(slot)
    return bool(spec is not None and spec.multiline) or bool(_TEXT.search(slot.input_name))


def sources_of_text(view: GraphView, slot: Slot) -> list[Slot]:
    """Return the plain texts that make up the text at an input.

    Where texts are joined, those from other nodes count; the joining node's own text is decoration.
    """
    found = list(dict.fromkeys(_sources(view, slot, set())))
    held = [one for one in found if view.is_primitive(one.node_id)]
    return held or found


def _sources(view: GraphView, slot: Slot, seen: set[str]) -> Iterator[Slot]:
    link = view.link(slot)
    if link is None:
        if isinstance(view.value(slot), str):
            yield slot
        return
    if link.node_id in seen:
        return
    seen.add(link.node_id)
    arriving = [
        one for named in _branches(view, link.node_id) for one in _sources(view, named, seen)
    ]
    yield from arriving or _written(view, link.node_id) or _gathered(view, link.node_id, seen)


def _branches(view: GraphView, node_id: str) -> Iterator[Slot]:
    """Return the inputs from which a node's text comes; of a switch, literal ones as well."""
    for slot, where in view.linked(node_id):
        is_other = _DRESSING.search(slot.input_name) or _SYSTEM.search(slot.input_name)
        if view.output_type(where) in {STRING, "*"} and not is_other:
            yield slot
    if view.is_switch(node_id):
        yield from (one for one in view.branches(node_id) if type(view.value(one)) is str)


def _written(view: GraphView, node_id: str) -> list[Slot]:
    """Return the text in a node that produces text: of several, the first is the main one."""
    found = [
        one
        for one in view.literals(node_id)
        if isinstance(view.value(one), str)
        and _is_writing(view, one)
        and not _SYSTEM.search(one.input_name)
    ]
    return found[:1]


def _gathered(view: GraphView, node_id: str, seen: set[str]) -> list[Slot]:
    """Yield the texts that a node reads from a document built by another node."""
    return [
        one
        for slot, where in view.linked(node_id)
        if view.output_type(where) in _DOCUMENTS
        for one in _sources(view, slot, seen)
    ]


def _is_writing(view: GraphView, slot: Slot) -> bool:
    if view.is_primitive(slot.node_id):
        return True
    if any(_TABLE.search(one.input_name) for one in view.slots(slot.node_id)):
        return False  # it reads from a table
    return is_text(view, slot) or slot.input_name == "string_a"


def _conditioned(view: GraphView, live: Sequence[str]) -> Iterator[FoundText]:
    """Trace each node that consumes conditioning and produces none back to its texts."""
    for node_id in live:
        if CONDITIONING in view.outputs(node_id):
            continue
        draws = not view.outputs(node_id) or bool(DRAWN & set(view.outputs(node_id)))
        for slot, link in view.linked(node_id):
            if view.output_type(link) != CONDITIONING:
                continue
            negative = bool(_NEGATIVE.search(slot.input_name))
            role = Role.NEGATIVE if negative else Role.PROMPT
            place = f"{slot.input_name} for {view.title(node_id)}"
            for text in _trace_conditioning(view, link, role, place, set()):
                if draws:
                    yield replace(text, sampler=node_id)
                else:
                    yield replace(text, role=Role.OTHER, name=view.title(node_id))


def _trace_conditioning(
    view: GraphView, link: Link, role: Role, place: str, seen: set[Link]
) -> Iterator[FoundText]:
    node_id = link.node_id
    if link in seen or view.class_of(node_id) in _ENDS:
        return
    seen.add(link)
    side = _side(view, link)
    for slot, where in view.linked(node_id):
        if view.output_type(where) == CONDITIONING and _is_on_side(slot.input_name, side):
            yield from _trace_conditioning(view, where, role, place, seen)
    for slot in view.slots(node_id):
        if is_text(view, slot) and _is_on_side(slot.input_name, side):
            for source in sources_of_text(view, slot):
                is_sung = bool(_LYRICS.search(slot.input_name))
                part = Role.OTHER if is_sung else role
                reason = f"It is written as {place}."
                yield FoundText(part, source, reason, slot.input_name, place=slot)


def _side(view: GraphView, link: Link) -> Role | None:
    """Return the side, positive or negative, of an output of a node that has both."""
    inputs = [slot.input_name for slot in view.slots(link.node_id)]
    negatives = [name for name in inputs if _NEGATIVE.search(name)]
    if not negatives or len(negatives) == len(inputs):
        return None
    types = view.outputs(link.node_id) or (CONDITIONING, CONDITIONING)
    sides = [index for index, kind in enumerate(types) if kind == CONDITIONING]
    if len(sides) < 2:  # noqa: PLR2004 - one output has no sides
        return None
    name = view.output_name(link)
    if _NEGATIVE.search(name):
        return Role.NEGATIVE
    if name.casefold().startswith("pos"):
        return Role.PROMPT
    # ComfyUI's nodes have the positive output first.
    return Role.NEGATIVE if link.output == sides[1] else Role.PROMPT


def _is_on_side(input_name: str, side: Role | None) -> bool:
    if side is None:
        return True
    return bool(_NEGATIVE.search(input_name)) == (side is Role.NEGATIVE)


def _direct(view: GraphView, live: Sequence[str]) -> Iterator[FoundText]:
    """Find the texts of nodes that make something other than text or conditioning of them."""
    for node_id in live:
        types = view.outputs(node_id)
        if not types or not view.is_known(node_id) or CONDITIONING in types or STRING in types:
            continue
        for slot in view.slots(node_id):
            if "prompt" not in slot.input_name or not is_text(view, slot):
                continue
            role = Role.NEGATIVE if _NEGATIVE.search(slot.input_name) else Role.PROMPT
            reason = f"It is {slot.input_name} of {view.title(node_id)}."
            for source in sources_of_text(view, slot):
                yield FoundText(role, source, reason, slot.input_name)


def _shown(view: GraphView, live: Sequence[str]) -> Iterator[FoundText]:
    """Find the texts of which a text among the results is made."""
    for node_id in live:
        if view.users(node_id):
            continue
        for slot, link in view.linked(node_id):
            if view.output_type(link) != STRING:
                continue
            for source in sources_of_text(view, slot):
                reason = f"The text that {view.title(node_id)} shows is made of it."
                yield FoundText(Role.PROMPT, source, reason, source.input_name)


def _without_instructions(view: GraphView, texts: list[FoundText]) -> list[FoundText]:
    """Remove instructions to a language model, unless nothing else is left."""
    named = {text: view.own_title(text.slot.node_id) or "" for text in texts}
    kept = [
        one
        for one in texts
        if _USER.search(named[one])
        or not (_SYSTEM.search(named[one]) or _SYSTEM.search(one.slot.input_name))
    ]
    kept = _with_a_prompt(kept, texts)
    return _with_a_prompt([one for one in kept if not _is_instruction(view, one)], kept)


def _is_instruction(view: GraphView, text: FoundText) -> bool:
    """Return whether a text begins like instructions to a language model."""
    return text.role is Role.PROMPT and bool(_TOLD.match(str(view.value(text.slot))))


def _without_idle_negatives(
    view: GraphView, live: Sequence[str], texts: list[FoundText]
) -> list[FoundText]:
    """Remove negatives if guidance is 1 everywhere: samplers ignore them then."""
    scales = [
        view.resolve(slot)
        for node_id in live
        for slot in view.slots(node_id)
        if slot.input_name == "cfg"
    ]
    if not scales or any(scale != 1 for scale in scales):
        return texts
    return [text for text in texts if text.role is not Role.NEGATIVE]


def _without_blanks(view: GraphView, texts: list[FoundText]) -> list[FoundText]:
    """Remove prompts left empty on purpose beside one with text."""
    filled = [one for one in texts if one.role is not Role.PROMPT or view.value(one.slot)]
    return _with_a_prompt(filled, texts)


def _with_a_prompt(kept: list[FoundText], texts: list[FoundText]) -> list[FoundText]:
    """Return the kept texts, or all of them if no prompt would remain."""
    return kept if any(one.role is Role.PROMPT for one in kept) else texts
