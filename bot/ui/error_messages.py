"""Error messages for people: a fixed title and one sentence each."""

import logging
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import discord
from discord import ui

from bot.i18n.language import _, mark
from bot.network import NETWORK_ERRORS, is_outage
from bot.ui.layout import RED, panel, row
from bot.ui.options import shown_name
from bot.ui.responses import ALREADY_ACKNOWLEDGED, is_acknowledged, respond, waits_in_public
from bot.ui.text import harmless, relative
from generation.errors import (
    FailureKind,
    GenerationError,
    GenerationFailed,
    NotPermitted,
    RequestRefused,
    ServiceUnavailable,
)

FAILURE_TITLES: Mapping[FailureKind, str] = {
    FailureKind.QUEUE_FULL: mark("Queue full"),
    FailureKind.DAILY_LIMIT: mark("Daily limit reached"),
    FailureKind.SLOW_DOWN: mark("Slow down"),
    FailureKind.PROMPT_NOT_ALLOWED: mark("Prompt not allowed"),
    FailureKind.NOT_ALLOWED_HERE: mark("Not allowed in this channel"),
    FailureKind.BLOCKED_HERE: mark("Blocked here"),
    FailureKind.INVALID_OPTION: mark("Invalid option"),
    FailureKind.INVALID_ATTACHMENT: mark("Invalid attachment"),
    FailureKind.MISSING_MODEL: mark("Missing model"),
    FailureKind.WORKFLOW_ERROR: mark("Workflow error"),
    FailureKind.OUT_OF_MEMORY: mark("Out of GPU memory"),
    FailureKind.BACKEND_OFFLINE: mark("GPU offline"),
    FailureKind.TIMED_OUT: mark("Timed out"),
    FailureKind.CANCELLED: mark("Cancelled"),
    FailureKind.BLOCKED_BY_FILTER: mark("Blocked by the image filter"),
}

SENTENCE_CHARACTERS = 1_500

APPEAL_ID = "a:"
"""Custom id of the button that appeals against a block."""

UNKNOWN_INTERACTION = 10062
"""Discord's code for an interaction that was not answered within three seconds."""

_log = logging.getLogger(__name__)


def failure_texts(
    kind: FailureKind, template: str, facts: Mapping[str, object] | None = None
) -> tuple[str, str]:
    """Return a failure's title, and its sentence with when to try again."""
    known = _with_shown_names(facts or {})
    sentence = harmless(_(template, **known), SENTENCE_CHARACTERS)
    until = _read_moment(known.get("until"))
    if until is not None:
        # After escaping, which would break timestamps.
        sentence = sentence.replace(str(known["until"]), discord.utils.format_dt(until, "f"))
    retry_at = _read_moment(known.get("retry_at"))
    if retry_at is not None:
        sentence += "\n" + _("Try again {when}.", when=relative(retry_at))
    return _(FAILURE_TITLES[kind]), sentence


def explain(error: BaseException) -> ui.LayoutView:
    """Build the message of an error; an unexpected one gets a reference that is also logged."""
    title, sentence = _said(error)
    can_appeal = isinstance(error, RequestRefused) and error.facts.get("can_appeal")
    # The id is that of `replies.appeals`, whose button answers it.
    appeal = row(ui.Button(label=_("Appeal"), custom_id=APPEAL_ID)) if can_appeal else None
    return panel(title, [sentence], colour=RED, rows=[appeal])


def _said(error: BaseException) -> tuple[str, str]:
    """Return the title, which may be empty, and the sentence of an error."""
    match error:
        case RequestRefused() | GenerationFailed():
            return failure_texts(error.kind, error.template, error.facts)
        case NotPermitted():
            return _("Not allowed"), _(error.template)
        case ServiceUnavailable():
            return _not_available()
        case GenerationError():
            return "", harmless(_(error.template, **error.facts), SENTENCE_CHARACTERS)
        case _ if is_outage(error):
            _log.warning("Discord did not answer: %s", type(error).__name__)
            return _not_available()
        case _:
            return _apology(error)


@asynccontextmanager
async def telling_errors(interaction: discord.Interaction) -> AsyncGenerator[None]:
    """Report every error raised in the context to the interacting user."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the outermost handler: known errors are reported, others logged
        await tell(interaction, error)


async def tell(interaction: discord.Interaction, error: BaseException) -> None:
    """Respond privately with the error, whether or not the interaction was acknowledged."""
    if interaction.client.is_closed():
        _log.info("Nobody is told of an error any more, as the bot stops: %s", error)
        return
    code = error.code if isinstance(error, discord.HTTPException) else None
    if code == UNKNOWN_INTERACTION:
        _log.warning("An interaction could not be acknowledged in time.")
        return
    if code == ALREADY_ACKNOWLEDGED:
        _log.warning("Another process answers this bot's interactions: is it running twice?")
        return
    view = explain(error)
    try:
        if not is_acknowledged(interaction):
            await interaction.response.send_message(view=view, ephemeral=True)
            return
        if waits_in_public(interaction):
            await _delete_public_message(interaction)
            await interaction.followup.send(view=view, ephemeral=True)
        else:
            await respond(interaction, view=view)
    except (discord.HTTPException, *NETWORK_ERRORS) as failure:
        _log.warning("Somebody could not be told of an error: %s", type(failure).__name__)


def is_worth_logging(record: logging.LogRecord) -> bool:
    """Log filter that drops discord.py's errors about late, repeated or lost autocompletions.

    These are harmless: the next key press asks for choices again.
    """
    error = record.exc_info[1] if record.exc_info else None
    code = error.code if isinstance(error, discord.HTTPException) else None
    is_stale = code in (UNKNOWN_INTERACTION, ALREADY_ACKNOWLEDGED)
    if isinstance(error, NETWORK_ERRORS) or is_stale:
        _log.debug("Choices did not arrive: %s", type(error).__name__)
        return False
    return True


async def _delete_public_message(interaction: discord.Interaction) -> None:
    """Delete a public deferred message, whose visibility cannot be changed any more.

    If that fails, the next follow-up fills it in public: better than no message at all.
    """
    try:
        await interaction.delete_original_response()
    except (discord.HTTPException, *NETWORK_ERRORS) as failure:
        _log.debug("A waiting message could not be taken away: %s", type(failure).__name__)


def _with_shown_names(facts: Mapping[str, object]) -> Mapping[str, object]:
    """Return the facts, with inputs called by the names of their options."""
    names = {
        key: ", ".join(map(shown_name, str(facts[key]).split(", ")))
        for key in ("option", "name", "missing")
        if key in facts
    }
    return {**facts, **names}


def _read_moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def _not_available() -> tuple[str, str]:
    return _("Not available"), _("That didn't work just now. Try again in a minute.")


def _apology(error: BaseException) -> tuple[str, str]:
    reference = secrets.token_hex(4)
    _log.error("Something unforeseen happened (reference %s).", reference, exc_info=error)
    return _("Something went wrong"), _(
        "Sorry about that. If it keeps happening, give the people who run this bot the reference "
        "`{reference}`.",
        reference=reference,
    )
