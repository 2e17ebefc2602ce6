"""Messages of a request in each of its states, built from its record."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from bot.i18n.language import _
from bot.replies import result_buttons as buttons
from bot.replies.appeals import appeal_button
from bot.replies.packing import Attachment, Parcel, show_files
from bot.replies.sender import ReplyContent
from bot.ui.error_messages import failure_texts
from bot.ui.layout import AMBER, BLURPLE, GREY, RED, Item, build_layout, card, row, small, text
from bot.ui.reasons import reason_text
from bot.ui.text import harmless, ordinal, relative
from generation.errors import FailureKind
from generation.events import Progress, Running, Waiting
from generation.record import Failure, Generation, GenerationState
from generation.request import Derivation
from generation.requests.available_actions import AvailableActions

TITLE_CHARACTERS = 200
"""Characters of the prompt above a result; Info shows all of it."""

SUBTITLE_CHARACTERS = 80
REASON_CHARACTERS = 300
NOTES_CHARACTERS = 2_900
ACTIVITY_CHARACTERS = 60

BAR_BLOCKS = 10
PREVIEW_NAME = "preview.jpg"

SHORTEST_COUNTDOWN = timedelta(seconds=5)
"""Nearer times are not counted down: clients round, and an edit takes a moment to arrive."""

FINISHING_FRACTION = 0.8

LONG_RUN_S = 90
"""Seconds from which a remaining time is shown in minutes."""


def waiting_message(event: Waiting, title: str, now: datetime) -> ReplyContent:
    """Build the message of a waiting request: position and estimated start."""
    generation = event.generation
    waits = text("⏳ " + " · ".join(waiting_parts(event, now)))
    cancel = row(buttons.build_button(generation.id, buttons.CANCEL))
    heading = _heading(generation, title)
    return ReplyContent(build_layout(card(GREY, heading, waits, cancel)))


def waiting_parts(
    event: Waiting, now: datetime, show: Callable[[datetime], str] = relative
) -> list[str]:
    """Return position and estimated start, or why nothing starts: queue paused, GPU off."""
    if event.is_paused:
        return [_("Queue paused by an administrator")]
    parts = [_("{place} in the queue", place=ordinal(event.position))]
    if event.is_starting:
        parts = [_("Starting the GPU…"), *(parts if event.position > 1 else ())]
        if event.starts_at is not None and event.starts_at - now >= SHORTEST_COUNTDOWN:
            parts.append(_("ready {when}", when=show(event.starts_at)))
        return parts
    if event.starts_at is not None:
        parts.append(_starts(event.starts_at, now, show))
    return parts


def _starts(moment: datetime, now: datetime, show: Callable[[datetime], str]) -> str:
    """Format the estimated start; clients would show a passed time as "ago"."""
    if moment <= now:
        return _("starting soon")
    if moment - now < SHORTEST_COUNTDOWN:
        return _("starting now")
    return _("starts {when}", when=show(moment))


def running_message(
    event: Running, title: str, now: datetime, preview: Attachment | None = None
) -> ReplyContent:
    """Build the message of a running request: preview, progress and estimated end."""
    generation = event.generation
    files = (preview,) if preview is not None else ()
    cancel = row(buttons.build_button(generation.id, buttons.CANCEL))
    heading = _heading(generation, title)
    progress = text(progress_text(event.progress, now))
    return ReplyContent(
        build_layout(card(BLURPLE, heading, *show_files(files), progress, cancel)), files
    )


def progress_text(progress: Progress, now: datetime) -> str:
    """Format a bar with percents, steps or current activity, and the time left."""
    parts = [f"{bar(progress.fraction)}  {percent(progress.fraction)} %"]
    activity = ""
    if progress.step is not None and progress.steps is not None:
        parts.append(f"{progress.step}/{progress.steps}")
    elif progress.activity:
        activity = _activity(progress.activity)
        parts.append(activity)
    if progress.done_at is not None:
        left = _time_left((progress.done_at - now).total_seconds(), progress.fraction)
        # Without steps, an activity such as "Saving…" says already that it is finishing.
        parts.append("" if activity and left == _("finishing") else left)
    return " · ".join(part for part in parts if part)


def _activity(name: str) -> str:
    """Describe the current activity; an author's own title is shown as it is."""
    lowered = name.lower().replace(" ", "")
    known = (
        ("load", _("Loading the model…")),
        ("textencode", _("Reading the prompt…")),
        ("prompt", _("Reading the prompt…")),
        ("upscale", _("Upscaling…")),
        ("vae", _("Finishing the picture…")),
        ("decode", _("Finishing the picture…")),
        ("save", _("Saving…")),
        ("sampler", _("Drawing…")),
    )
    for part, said in known:
        if part in lowered:
            return said
    return harmless(name, ACTIVITY_CHARACTERS) if " " in name.strip() else ""


def _time_left(seconds: float, fraction: float) -> str:
    if seconds < SHORTEST_COUNTDOWN.total_seconds():
        # If much is left to do, the estimate was wrong.
        return _("finishing") if fraction >= FINISHING_FRACTION else ""
    if seconds < LONG_RUN_S:
        return _("about {seconds} s left", seconds=math.ceil(seconds))
    return _("about {minutes} min left", minutes=round(seconds / 60))


def done_messages(
    generation: Generation,
    title: str,
    parcel: Parcel,
    available: AvailableActions,
    *,
    origin: str = "",
    notes: Sequence[str] = (),
) -> list[ReplyContent]:
    """Build the messages of a finished request: results with buttons, then further results."""
    first, *more = parcel.messages
    mark = _("AI") if parcel.says_ai else ""
    heading = _heading(generation, title, *_facts(generation), mark, origin)
    said = (small(note) for note in (*notes, *parcel.notes))
    view = build_layout(
        heading,
        *show_files(first),
        text(*parcel.texts, *said, most=NOTES_CHARACTERS),
        *buttons.result_rows(generation, available),
        text(small(*_small_print(generation))),
    )
    messages = [ReplyContent(view, first)]
    for files in more:
        heading = _heading(generation, title, _("more"))
        messages.append(ReplyContent(build_layout(heading, *show_files(files)), files))
    return messages


def failed_message(generation: Generation, title: str) -> ReplyContent:
    """Build the message of a failed or cancelled request: reason, remedy, and cost."""
    failure = generation.failure or Failure(FailureKind.CANCELLED, "Cancelled by you.")
    heading, sentence = failure_texts(failure.kind, failure.template, failure.facts)
    charge = _("nothing was charged")
    if generation.is_charged:
        charge = _("charged, because it had already started")
    prompt = _shown_prompt(generation, SUBTITLE_CHARACTERS) or harmless(title)
    is_cancelled = generation.state is GenerationState.CANCELLED
    return ReplyContent(
        build_layout(
            card(
                GREY if is_cancelled else RED,
                text(f"### {heading}", sentence, small(prompt, generation.id, charge)),
                (buttons.held_row if is_cancelled else buttons.failed_row)(generation),
            )
        )
    )


def call_message(generation: Generation, link: str | None) -> ReplyContent:
    """Build the message that notifies a person whose request took long."""
    person = f"<@{generation.user_id}>"
    sentence = _("{person} Your request failed.", person=person)
    if generation.state is GenerationState.SUCCEEDED:
        sentence = _("{person} Your result is ready.", person=person)
    prompt = _shown_prompt(generation, SUBTITLE_CHARACTERS) or generation.id
    view = build_layout(text(sentence, small(f"[{prompt}]({link})" if link else prompt)))
    return ReplyContent(view, pinged_id=generation.user_id)


def held_message(generation: Generation, title: str) -> ReplyContent:
    """Build the message of a result held for review."""
    sentence = text(_("Finished. Waiting for moderator approval."))
    return ReplyContent(
        build_layout(
            card(AMBER, _heading(generation, title), sentence, buttons.held_row(generation))
        )
    )


def refused_message(generation: Generation, title: str) -> ReplyContent:
    """Build the message of a result refused by a moderator, with the reason if given."""
    said = _("A moderator declined this picture.")
    if reason := harmless(reason_text(generation.refusal), REASON_CHARACTERS):
        said = _("A moderator declined this picture: {reason}", reason=reason)
    sentence = text(said, small(generation.id))
    appeal = row(appeal_button(generation.id)) if generation.guild_id else None
    heading, below = _heading(generation, title), buttons.held_row(generation)
    return ReplyContent(build_layout(card(GREY, heading, sentence, below, appeal)))


def origin_text(generation: Generation, parent: Generation | None) -> str:
    """Return what a result was derived from, with a link if there is one; empty for none."""
    number = (generation.parent_position or 0) + 1
    match generation.derivation:
        case Derivation.UPSCALE:
            said = _("Upscaled from #{number}", number=number)
        case Derivation.VARY:
            said = _("Variation of #{number}", number=number)
        case Derivation.INPUT:
            said = _("Edited from #{number}", number=number)
        case Derivation.REMIX:
            said = _("Remix")
        case _:
            return ""
    link = parent.message_url if parent is not None and not parent.is_deleted else None
    return f"[{said} ↗]({link})" if link else said


def title_line(generation: Generation, title: str, *, for_moderators: bool = False) -> str:
    """Return the prompt as a heading, or the workflow's title if the prompt is not shown."""
    prompt = _shown_prompt(generation, TITLE_CHARACTERS, for_moderators=for_moderators)
    return f"### {prompt or harmless(title)}"


def _heading(generation: Generation, title: str, *facts: str) -> Item | None:
    name, heading = harmless(generation.user_name, SUBTITLE_CHARACTERS), harmless(title)
    if not _shown_prompt(generation, TITLE_CHARACTERS):
        # The heading contains it already.
        heading = ""
    return text(title_line(generation, title), small(name, heading, *facts))


def _shown_prompt(generation: Generation, characters: int, *, for_moderators: bool = False) -> str:
    """Return the prompt; empty for a withheld result, whose prompt only moderators see."""
    is_shown = for_moderators or generation.private or not generation.withheld
    return harmless(generation.prompt, characters) if is_shown else ""


def _facts(generation: Generation) -> Iterable[str]:
    sized = next((output for output in generation.outputs if output.width and output.height), None)
    if sized is not None:
        yield f"{sized.width}×{sized.height}"  # noqa: RUF001 - the multiplication sign is meant
    if generation.duration_s is not None:
        yield f"{max(1, round(generation.duration_s))} s"


def _small_print(generation: Generation) -> Iterable[str]:
    yield generation.id
    if generation.seed is not None:
        yield _("seed {seed}", seed=generation.seed)


def facts(generation: Generation) -> str:
    """Format id, seed, size and seconds in one line."""
    return " · ".join((*_small_print(generation), *_facts(generation)))


def percent(fraction: float) -> int:
    """Return whole percents, 100 only at the very end; rounds first, as 0.29 * 100 is below 29."""
    return math.floor(round(fraction * 100, 6))


def bar(fraction: float) -> str:
    """Return a progress bar of ten blocks."""
    full = round(max(0.0, min(1.0, fraction)) * BAR_BLOCKS)
    return "▰" * full + "▱" * (BAR_BLOCKS - full)
