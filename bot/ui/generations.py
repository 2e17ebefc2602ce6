"""Formatting of a generation in lists: its state and its label."""

from bot.i18n.language import _
from bot.ui.error_messages import FAILURE_TITLES
from bot.ui.text import plain
from generation.record import Generation, GenerationState

LISTED_PROMPT_CHARACTERS = 80


def choice_label(generation: Generation) -> str:
    """Return the label of a generation in a menu or autocompletion."""
    return f"{generation.id} · {plain(generation.prompt) or generation.workflow}"


def state_text(generation: Generation) -> str:
    """Return a generation's state in a word or two."""
    if generation.withheld and generation.state is GenerationState.SUCCEEDED:
        return _("declined") if generation.is_deleted else _("waiting for approval")
    if generation.is_deleted:
        return _("deleted")
    if generation.state is GenerationState.FAILED and generation.failure is not None:
        return _(FAILURE_TITLES[generation.failure.kind])
    return state_name(generation.state)


def state_name(state: GenerationState) -> str:
    """Return the name of a state."""
    return {
        GenerationState.WAITING: _("waiting"),
        GenerationState.RUNNING: _("running"),
        GenerationState.SUCCEEDED: _("done"),
        GenerationState.FAILED: _("failed"),
        GenerationState.CANCELLED: _("cancelled"),
    }[state]
