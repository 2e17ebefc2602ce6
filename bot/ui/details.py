"""Messages of a generation's full record."""

from collections.abc import Iterable, Sequence

import discord
from discord import ui

from bot.i18n.language import _, mark
from bot.ui.generations import state_name, state_text
from bot.ui.layout import BLURPLE, Item, build_layout, card, small, text
from bot.ui.options import shown_name
from bot.ui.reasons import flag_text, reason_text
from bot.ui.text import harmless, mebibytes, size_text
from generation.moderation.case_file import CaseFile, Change, Flag
from generation.record import Generation, Output
from generation.request import Derivation

DETAILS_PROMPT_CHARACTERS = 1_000
"""Characters of the prompt; escaping may double them."""

RECORD_CHARACTERS = 3_900
RECORD_WITH_MORE_CHARACTERS = 2_900
MORE_CHARACTERS = 1_000
"""Characters, of a message's 4,000, for changes and flags below the record."""

TITLE_CHARACTERS = 100
VALUE_CHARACTERS = 200
FLAG_CHARACTERS = 140

REVIEWS = {
    "pending": mark("waiting for approval"),
    "shown": mark("shown to moderators"),
    "reported": mark("reported"),
    "approved": mark("approved"),
    "refused": mark("declined"),
}
"""States of a review in words."""

LISTED_OUTPUTS = 10
LISTED_ANCESTORS = 8


def details_layout(
    generation: Generation,
    title: str,
    ancestors: Sequence[Generation] = (),
    *,
    names_backend: bool = False,
    stated: Iterable[str] = (),
) -> ui.LayoutView:
    """Build the message of a generation and its ancestors, the nearest first.

    `title` is its workflow's. Backends' names may be internal addresses, so they are shown only
    with `names_backend`. `stated` is what its posted file says about its origin.
    """
    lines = _record(generation, title, ancestors, names_backend=names_backend)
    return build_layout(card(BLURPLE, text(*lines, *stated, most=RECORD_CHARACTERS)))


def case_file_layout(
    case_file: CaseFile,
    title: str,
    *,
    sheet: Item | None,
    buttons: Item | None = None,
    names_backend: bool = False,
) -> ui.LayoutView:
    """Build a generation's message for moderators, with changes, flags and decisions."""
    generation = case_file.generation
    record = _record(generation, title, names_backend=names_backend)
    review = _(REVIEWS.get(case_file.review or "", ""))
    reviewer = f" · <@{case_file.reviewer_id}>" if case_file.reviewer_id else ""
    failure = harmless(generation.failure.sentence, 300) if generation.failure else ""
    more = (
        _fact(_("Review"), f"{review}{reviewer}" if review else ""),
        _fact(_("Reason"), harmless(reason_text(case_file.reason), VALUE_CHARACTERS)),
        _fact(_("Failure"), failure),
        _fact(_("Where"), f"<#{generation.channel_id}> · `{generation.user_id}`"),
        *map(_flag_line, case_file.flags),
        *map(_change_line, case_file.changes),
        *(f"SHA-256 {place + 1} `{digest}`" for place, digest in case_file.hashes.items()),
    )
    return build_layout(
        card(
            BLURPLE,
            text(*record, most=RECORD_WITH_MORE_CHARACTERS),
            sheet,
            text(*more, most=MORE_CHARACTERS),
            buttons,
        )
    )


def _record(
    generation: Generation,
    title: str,
    ancestors: Sequence[Generation] = (),
    *,
    names_backend: bool,
) -> Iterable[str]:
    link = None if generation.is_deleted else generation.message_url
    yield f"### [{generation.id}]({link})" if link else f"### {generation.id}"
    yield harmless(generation.prompt, DETAILS_PROMPT_CHARACTERS)
    yield _fact(_("Typed"), harmless(generation.typed_prompt or "", VALUE_CHARACTERS))
    when = discord.utils.format_dt(generation.created_at, "f")
    yield small(f"<@{generation.user_id}>", when, state_text(generation))
    shown = harmless(title, TITLE_CHARACTERS)
    name = f"`{generation.workflow}`"
    yield _fact(_("Workflow"), f"{shown} · {name}" if title != generation.workflow else name)
    if generation.seed is not None:
        yield _fact(_("Seed"), f"`{generation.seed}`")
    yield _fact(_("Time"), " · ".join(_times(generation, names_backend=names_backend)))
    yield _fact(_("Cost"), str(generation.cost))
    yield _fact(_("Options"), " · ".join(_values(generation)))
    yield from map(_output_line, generation.outputs[:LISTED_OUTPUTS])
    ancestry = " ← ".join(_ancestry(generation, ancestors))
    yield _fact(_("Made from"), ancestry)


def _fact(name: str, value: str) -> str:
    return f"**{name}** {value}" if value else ""


def _change_line(change: Change) -> str:
    who = f" · <@{change.actor_id}>" if change.actor_id else ""
    return f"{discord.utils.format_dt(change.at, 'f')} {state_name(change.state)}{who}"


def _flag_line(flag: Flag) -> str:
    who = f" · <@{flag.actor_id}>" if flag.actor_id else ""
    return f"{harmless(flag_text(flag.kind, flag.note), FLAG_CHARACTERS)}{who}"


def _times(generation: Generation, *, names_backend: bool) -> Iterable[str]:
    if generation.started_at is not None:
        waited = (generation.started_at - generation.created_at).total_seconds()
        yield _("waited {seconds} s", seconds=f"{max(waited, 0.0):.1f}")
    if generation.duration_s is not None:
        yield _("ran {seconds} s", seconds=f"{generation.duration_s:.1f}")
    if names_backend and generation.backend is not None:
        yield _("on {backend}", backend=harmless(generation.backend, VALUE_CHARACTERS))


def _values(generation: Generation) -> Iterable[str]:
    for name, value in generation.values.items():
        if name != "seed" and value != "":
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            shown = size_text(shown) if name == "size" else shown
            yield f"`{harmless(shown_name(name), 40)}` {harmless(shown, VALUE_CHARACTERS)}"


def _output_line(output: Output) -> str:
    kind = harmless(output.media_type.partition("/")[2].upper(), 60)
    facts = [f"#{output.position + 1}", kind, mebibytes(output.byte_count)]
    if output.width and output.height:
        facts.insert(1, size_text(f"{output.width}x{output.height}"))
    return " · ".join(facts)


def _ancestry(generation: Generation, ancestors: Sequence[Generation]) -> Iterable[str]:
    child = generation
    for parent in ancestors[:LISTED_ANCESTORS]:
        yield f"{_how(child)} {_link(parent)}"
        child = parent
    left_out = len(ancestors) - LISTED_ANCESTORS
    if left_out > 0:
        yield _("… up to {link}", link=_link(ancestors[-1]))
    elif child.parent_id is not None:
        yield f"{_how(child)} `{child.parent_id}`"


def _how(child: Generation) -> str:
    number = (child.parent_position or 0) + 1
    match child.derivation:
        case Derivation.UPSCALE:
            return _("upscaled from picture {number} of", number=number)
        case Derivation.VARY:
            return _("varied from picture {number} of", number=number)
        case Derivation.INPUT:
            return _("started from picture {number} of", number=number)
        case Derivation.REMIX:
            return _("remixed from")
        case Derivation.AGAIN | Derivation.RETRY | None:
            return _("made again from")


def _link(generation: Generation) -> str:
    link = None if generation.is_deleted else generation.message_url
    return f"[`{generation.id}`]({link})" if link else f"`{generation.id}`"
