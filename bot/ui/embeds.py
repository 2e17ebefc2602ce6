"""Embeds of a reply's states and of lists, within Discord's limits."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import discord

from bot.i18n.language import _
from bot.ui.error_messages import FAILURE_TITLES, failure_embed
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS
from bot.ui.text import harmless, lines_within, ordinal, plain, relative
from generation.errors import FailureKind
from generation.events import Running, Waiting
from generation.record import Failure, Generation, GenerationState

BAR_BLOCKS = 20
PREVIEW_NAME = "preview.jpg"

BLURPLE = discord.Colour.blurple()
GREEN = discord.Colour.green()
GREY = discord.Colour.light_grey()


LISTED_PROMPT_CHARACTERS = 80

SHORTEST_COUNTDOWN = timedelta(seconds=5)
"""Nearer times are not counted down to: clients round, and an edit takes a moment to arrive."""


@dataclass(frozen=True, slots=True)
class MessageBody:
    """Text and embed of a reply."""

    content: str
    embed: discord.Embed


def waiting_body(event: Waiting, now: datetime) -> MessageBody:
    """A waiting request: position and estimated start."""
    embed = discord.Embed(description=" · ".join(waiting_parts(event, now, relative)), colour=GREY)
    return MessageBody(header(event.generation), embed)


def waiting_parts(event: Waiting, now: datetime, show: Callable[[datetime], str]) -> list[str]:
    """Position and estimated start, or that the queue is paused."""
    if event.is_paused:
        return [_("paused here: it waits until an administrator lets the line go on")]
    place, length = ordinal(event.position), event.length
    parts = [_("{place} of {length}", place=place, length=length)]
    if event.starts_at is not None:
        parts.append(_starts(event.starts_at, now, show))
    return parts


def _starts(moment: datetime, now: datetime, show: Callable[[datetime], str]) -> str:
    """The estimated start; clients would show a passed time as "ago"."""
    if moment <= now:
        return _("starting soon")
    if moment - now < SHORTEST_COUNTDOWN:
        return _("starting now")
    return _("starts {when}", when=show(moment))


def running_body(event: Running, now: datetime, *, has_preview: bool) -> MessageBody:
    """A running request: progress bar, steps, node, estimated end and preview."""
    progress = event.progress
    parts = [f"{bar(progress.fraction)} {percent(progress.fraction)} %"]
    if progress.step is not None and progress.steps is not None:
        parts.append(_("step {step}/{steps}", step=progress.step, steps=progress.steps))
    if progress.activity:
        parts.append(harmless(progress.activity, 60))
    if progress.done_at is not None:
        is_near = progress.done_at - now < SHORTEST_COUNTDOWN
        parts.append(
            _("finishing") if is_near else _("done {when}", when=relative(progress.done_at))
        )
    embed = discord.Embed(description=" · ".join(parts), colour=BLURPLE)
    if has_preview:
        embed.set_image(url=f"attachment://{PREVIEW_NAME}")
    return MessageBody(f"{header(event.generation)} · {event.generation.workflow}", embed)


def done_body(generation: Generation, notes: Sequence[str] = ()) -> MessageBody:
    """A finished request: the line of facts; results are the message's files."""
    lines = lines_within((facts(generation), *notes), EMBED_DESCRIPTION_CHARACTERS)
    embed = discord.Embed(description=lines, colour=GREEN)
    return MessageBody(header(generation), embed)


def failed_body(generation: Generation) -> MessageBody:
    """A failed request: fixed title, sentence, id, and that nothing was charged."""
    failure = generation.failure or Failure(FailureKind.CANCELLED, "It was cancelled.")
    embed = failure_embed(failure.kind, failure.template, failure.facts)
    charge = _("your quota was not charged")
    if generation.is_charged:
        charge = _("it had begun, so your quota was charged")
    embed.set_footer(text=f"{generation.id} · {charge}")
    return MessageBody(header(generation), embed)


def held_body(generation: Generation) -> MessageBody:
    """A result held for review."""
    text = _("It is made, and waits for a moderator to look at it.")
    return MessageBody(header(generation), discord.Embed(description=text, colour=GREY))


def refused_body(generation: Generation) -> MessageBody:
    """A result refused by a moderator."""
    text = _("A moderator looked at it and did not approve of it, so it is not shown.")
    embed = discord.Embed(description=text, colour=GREY)
    embed.set_footer(text=generation.id)
    return MessageBody(header(generation), embed)


def header(generation: Generation, *, for_moderators: bool = False) -> str:
    """Prompt and requester; the prompt of a withheld result is shown to moderators only."""
    is_told = for_moderators or generation.private or not generation.withheld
    prompt = harmless(generation.prompt) if is_told else ""
    return f"**{prompt or generation.workflow}** · <@{generation.user_id}>"


def facts(generation: Generation) -> str:
    """Id, seed, workflow, size and seconds in one line."""
    parts = [generation.id]
    if generation.seed is not None:
        parts.append(_("seed {seed}", seed=generation.seed))
    parts.append(generation.workflow)
    sized = next((output for output in generation.outputs if output.width and output.height), None)
    if sized is not None:
        parts.append(f"{sized.width}×{sized.height}")  # noqa: RUF001 - the multiplication sign is meant
    if generation.duration_s is not None:
        parts.append(f"{generation.duration_s:.1f} s")
    return " · ".join(parts)


def percent(fraction: float) -> int:
    """Whole percents, 100 only at the very end; rounding first, as 0.29 * 100 is below 29."""
    return math.floor(round(fraction * 100, 6))


def bar(fraction: float) -> str:
    """A progress bar of twenty blocks."""
    full = round(max(0.0, min(1.0, fraction)) * BAR_BLOCKS)
    return "█" * full + "░" * (BAR_BLOCKS - full)


def list_line(
    generation: Generation, number: int | None = None, *, names_person: bool = False
) -> str:
    """A line of a list: time, prompt, state and link of a generation."""
    prefix = f"**{number}** " if number is not None else ""
    when = discord.utils.format_dt(generation.created_at, "R")
    prompt = harmless(generation.prompt, LISTED_PROMPT_CHARACTERS) or generation.workflow
    line = f"{prefix}`{generation.id}` {when} {prompt} · {state_text(generation)}"
    if names_person:
        line += f" · <@{generation.user_id}>"
    if generation.message_url and not generation.is_deleted:
        line += f" · [{_('open')}]({generation.message_url})"
    return line


def choice_label(generation: Generation) -> str:
    """Label of a generation in a menu or autocompletion."""
    return f"{generation.id} · {plain(generation.prompt) or generation.workflow}"


def state_text(generation: Generation) -> str:
    """A generation's state in a word or two."""
    if generation.is_deleted:
        return _("deleted")
    if generation.state is GenerationState.FAILED and generation.failure is not None:
        return _(FAILURE_TITLES[generation.failure.kind])
    return state_name(generation.state)


def state_name(state: GenerationState) -> str:
    """Name of a state."""
    return {
        GenerationState.WAITING: _("waiting"),
        GenerationState.RUNNING: _("running"),
        GenerationState.SUCCEEDED: _("done"),
        GenerationState.FAILED: _("failed"),
        GenerationState.CANCELLED: _("cancelled"),
    }[state]
