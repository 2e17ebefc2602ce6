"""Embeds of a generation's full record."""

from collections.abc import Iterable, Sequence

import discord

from bot.i18n.language import _
from bot.ui.embeds import state_name, state_text
from bot.ui.limits import EMBED_FIELD_CHARACTERS
from bot.ui.options import shown_name
from bot.ui.text import harmless, lines_within, mebibytes
from generation.moderation.case_file import CaseFile, Change, Flag
from generation.record import Generation, Output
from generation.request import Derivation

EMBED_CHARACTERS = 2_950
"""Characters of one embed: a message has 6,000 for all embeds, and a record takes up to two."""

PROMPT_CHARACTERS = 800
"""Characters of the prompt; escaping may double them."""


VALUE_CHARACTERS = 200
LISTED_OUTPUTS = 10
LISTED_ANCESTORS = 8


def details_embed(
    generation: Generation, ancestors: Sequence[Generation] = (), *, names_backend: bool = False
) -> discord.Embed:
    """Embed of a generation and its ancestors, the nearest first.

    Backends' names may be internal addresses, so they are shown only with `names_backend`.
    """
    embed = discord.Embed(
        title=generation.id,
        url=None if generation.is_deleted else generation.message_url,
        description=harmless(generation.prompt, PROMPT_CHARACTERS) or None,
        colour=discord.Colour.blurple(),
        timestamp=generation.created_at,
    )
    _add(embed, _("Typed"), [harmless(generation.typed_prompt or "", VALUE_CHARACTERS)])
    _add(embed, _("Asked for by"), [f"<@{generation.user_id}>"], inline=True)
    _add(embed, _("State"), [state_text(generation)], inline=True)
    _add(embed, _("Workflow"), [f"`{generation.workflow}`"], inline=True)
    if generation.seed is not None:
        _add(embed, _("Seed"), [f"`{generation.seed}`"], inline=True)
    _add(embed, _("Time"), _times(generation, names_backend=names_backend), inline=True)
    _add(embed, _("Cost"), [str(generation.cost)], inline=True)
    _add(embed, _("Values"), _values(generation))
    _add(
        embed,
        _("Results"),
        [_output_line(output) for output in generation.outputs[:LISTED_OUTPUTS]],
    )
    _add(embed, _("Made from"), _ancestry(generation, ancestors))
    return embed


def case_file_embeds(
    case_file: CaseFile, *, has_sheet: bool, names_backend: bool = False
) -> list[discord.Embed]:
    """Embeds of a generation for moderators, with changes, flags and decisions."""
    generation = case_file.generation
    record = details_embed(generation, names_backend=names_backend)
    if has_sheet:
        record.set_image(url="attachment://results.png")
    more = discord.Embed(colour=discord.Colour.blurple())
    _add(more, _("Changes"), [_change_line(change) for change in case_file.changes])
    _add(more, _("Flags"), [_flag_line(flag) for flag in case_file.flags])
    if case_file.review is not None:
        reviewer = f" · <@{case_file.reviewer_id}>" if case_file.reviewer_id else ""
        _add(more, _("Review"), [f"{case_file.review}{reviewer}"])
    hashes = [f"{place + 1} · `{digest}`" for place, digest in case_file.hashes.items()]
    _add(more, "SHA-256", hashes)
    where = f"<#{generation.channel_id}>"
    _add(more, _("Where"), [where], inline=True)
    _add(more, _("Person"), [f"`{generation.user_id}`"], inline=True)
    if generation.failure is not None:
        _add(more, _("Failure"), [harmless(generation.failure.sentence, 500)])
    return [record, more]


def _change_line(change: Change) -> str:
    who = f" · <@{change.actor_id}>" if change.actor_id else ""
    return f"{discord.utils.format_dt(change.at, 'f')} {state_name(change.state)}{who}"


def _flag_line(flag: Flag) -> str:
    who = f" · <@{flag.actor_id}>" if flag.actor_id else ""
    return f"{flag.kind} · {harmless(flag.note, 100)}{who}"


def _add(embed: discord.Embed, name: str, lines: Iterable[str], *, inline: bool = False) -> None:
    room = min(EMBED_FIELD_CHARACTERS, EMBED_CHARACTERS - len(embed) - len(name))
    text = lines_within([line for line in lines if line], room) if room > 0 else ""
    if text:
        embed.add_field(name=name, value=text, inline=inline)


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
            yield f"{harmless(shown_name(name), 40)}: {harmless(str(value), VALUE_CHARACTERS)}"


def _output_line(output: Output) -> str:
    size = ""
    if output.width and output.height:
        size = f" · {output.width}×{output.height}"  # noqa: RUF001 - the multiplication sign is meant
    kind = harmless(output.media_type, 60)
    return f"{output.position + 1} · {kind}{size} · {mebibytes(output.byte_count)}"


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
