"""Inputs named by the titles of nodes: `$name`, `{{name}}`, or "Negative Prompt"."""

import re
from collections.abc import Iterable, Sequence

from workflows.graph import Slot
from workflows.infer.files import media_role
from workflows.infer.found import Found, Role
from workflows.infer.view import GraphView

_MARKED = re.compile(
    r"\$~?(?P<name>[\w-]+)(\.(?P<input>[\w.]+))?!?|\{\{\s*(?P<braced>[\w-]+)\s*\}\}"
)
_WORDS = {
    "prompt": Role.PROMPT,
    "positive": Role.PROMPT,
    "positiveprompt": Role.PROMPT,
    "negative": Role.NEGATIVE,
    "negativeprompt": Role.NEGATIVE,
    "seed": Role.SEED,
}
_TEXTS = frozenset({Role.PROMPT, Role.NEGATIVE})
_WRITABLE = ("value", "text", "prompt", "string", "image", "file", "audio", "seed", "noise_seed")
"""Inputs that a title refers to, in this order, if it does not say."""


def find_markers(view: GraphView, live: Sequence[str], traced: Iterable[Found]) -> list[Found]:
    """Return the inputs that titles name; a known word sets the role."""
    known = {slot: one for one in traced for slot in one.slots}
    found = []
    for node_id in live:
        title = view.title(node_id).strip()
        marked = _MARKED.fullmatch(title)
        name = (marked["name"] or marked["braced"]) if marked else None
        role = _WORDS.get(re.sub(r"[^a-z]", "", (name or title).casefold()))
        slot = _slot_of(view, node_id, marked["input"] if marked else None)
        if slot is None or (name is None and role is None):
            continue
        # A title without a mark is there for people, so it counts only where the value fits it.
        if name is None and not isinstance(view.value(slot), str) and role is not Role.SEED:
            continue
        plays = role or media_role(view, slot)
        if plays is None:
            plays = known[slot].role if slot in known else Role.OTHER
            plays = Role.OTHER if plays in _TEXTS else plays
        reason = f'The title of its node is "{title}".'
        found.append(Found(plays, (slot,), reason, name or plays.value, is_chosen=name is not None))
    return found


def _slot_of(view: GraphView, node_id: str, wanted: str | None) -> Slot | None:
    literals = {slot.input_name: slot for slot in view.literals(node_id)}
    if wanted is not None:
        return literals.get(wanted)
    for name in _WRITABLE:
        if name in literals:
            return literals[name]
    return next(iter(literals.values())) if len(literals) == 1 else None
