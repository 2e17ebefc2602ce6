"""Grouping of found texts into prompts, each of which may be written to several inputs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from workflows.graph import Slot
from workflows.infer.found import Found, Role
from workflows.infer.view import MAX_DEPTH, GraphView

CONDITIONING = "CONDITIONING"

DRAWN = frozenset({"LATENT", "GUIDER"})
"""Outputs of nodes that render a conditioning; other nodes search for what it says."""


@dataclass(frozen=True, slots=True)
class FoundText:
    """A text, and how it was found.

    `place` is the input where it is finally used, and `sampler` the node that uses it then.
    """

    role: Role
    slot: Slot
    reason: str
    name: str
    place: Slot | None = None
    sampler: str | None = None


def group_texts(view: GraphView, texts: Sequence[FoundText]) -> list[Found]:
    """Return one entry for each prompt, with every slot that it is written to.

    A text used on both sides is the prompt, or the negative if another text is the prompt.
    """
    keys = _EquivalentTexts(view, texts)
    groups: dict[object, list[FoundText]] = {}
    for text in _on_one_side(texts):
        groups.setdefault(keys.find(text), []).append(text)
    return [
        Found(first.role, (first.slot, *(one.slot for one in more)), first.reason, name=first.name)
        for first, *more in groups.values()
    ]


def _on_one_side(texts: Sequence[FoundText]) -> Collection[FoundText]:
    """Keep each slot once, for one of its roles."""
    sides: dict[Slot, set[Role]] = {}
    for text in texts:
        sides.setdefault(text.slot, set()).add(text.role)
    ranked = [Role.PROMPT, Role.NEGATIVE, Role.OTHER]
    if {Role.PROMPT} in sides.values():
        ranked = [Role.NEGATIVE, Role.PROMPT, Role.OTHER]
    kept: dict[Slot, FoundText] = {}
    for text in texts:
        if text.role is min(sides[text.slot], key=ranked.index):
            kept.setdefault(text.slot, text)
    return kept.values()


class _EquivalentTexts:
    """Groups of texts that are one prompt: those of one encoder, and of consecutive samplers."""

    def __init__(self, view: GraphView, texts: Sequence[FoundText]) -> None:
        self._view = view
        self._places: dict[object, set[Slot]] = {}
        self._slots: dict[object, set[Slot]] = {}
        for text in texts:
            for key in (self._encoder(text), self._sampler(text)):
                self._slots.setdefault(key, set()).add(text.slot)
                if text.place is not None:
                    self._places.setdefault(key, set()).add(text.place)

    def find(self, text: FoundText) -> object:
        """Return the group's common key of this text."""
        if text.role is Role.OTHER:
            return text.slot
        encoder, sampler = self._encoder(text), self._sampler(text)
        if text.place is not None:
            slots, places = self._slots[encoder], self._places[encoder]
            # Several inputs with a text each; where several texts go to one, they differ.
            if len(places) == len(slots) > 1:
                return encoder
        if text.sampler is None or len(self._slots[sampler]) > 1:
            return text.slot
        return "sampler", text.role, _first_sampler(self._view, text.sampler)

    @staticmethod
    def _encoder(text: FoundText) -> object:
        return "encoder", text.role, text.place.node_id if text.place else text.slot

    @staticmethod
    def _sampler(text: FoundText) -> object:
        return "used by", text.role, text.sampler


def _first_sampler(view: GraphView, node_id: str) -> str:
    """Follow latents back to the first sampler whose result is refined."""
    first = node_id
    for _ in range(MAX_DEPTH):
        before = next(
            (link for _, link in view.linked(node_id) if view.output_type(link) == "LATENT"), None
        )
        if before is None:
            break
        node_id = before.node_id
        if any(view.output_type(link) == CONDITIONING for _, link in view.linked(node_id)):
            first = node_id
    return first
