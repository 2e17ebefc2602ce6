"""Acknowledgement of interactions, and private responses after it."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import discord
from discord import ui

from bot.network import NETWORK_ERRORS
from bot.requester import actor_of
from bot.ui.layout import panel
from generation.errors import ServiceUnavailable
from generation.request import Actor

LOOKUP_S = 2.0
"""Seconds for all look-ups before the first response, which is due within three."""

THINKING = discord.InteractionResponseType.deferred_channel_message

ALREADY_ACKNOWLEDGED = 40060
"""Discord's code for an interaction that already has a response."""

_ANSWERED = "answered"
_DEADLINE = "look-ups end"
_IN_PUBLIC = "waits in public"
_UNNOTICED = "acknowledged without an answer"

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A deferred message. `id` is None where Discord did not return it."""

    id: int | None
    is_ephemeral: bool


async def acknowledge(interaction: discord.Interaction, *, private: bool = True) -> WaitingMessage:
    """Acknowledge with a deferred message, shown as "thinking…".

    If the HTTP response is lost, the acknowledgement may have arrived anyway: the message is looked
    up, and the acknowledgement repeated if there is none. Raises discord.py's errors.
    """
    interaction.extras[_IN_PUBLIC] = not private
    try:
        return await _defer(interaction, private=private)
    except NETWORK_ERRORS as error:
        _log.info("The answer to an acknowledgement was lost (%s).", type(error).__name__)
    # discord.py does not count it as acknowledged, since it got no response.
    interaction.extras[_UNNOTICED] = THINKING
    try:
        message = await interaction.original_response()
    except discord.NotFound:
        return await _defer_again(interaction, private=private)
    return WaitingMessage(message.id, message.flags.ephemeral)


async def acknowledged(interaction: discord.Interaction) -> Actor:
    """Acknowledge privately; return who acts, and where."""
    await acknowledge(interaction)
    return actor_of(interaction)


async def acknowledge_press(interaction: discord.Interaction) -> None:
    """Acknowledge a component without visible change; a lost HTTP response is ignored.

    Raises discord.py's errors.
    """
    try:
        await interaction.response.defer()
    except NETWORK_ERRORS as error:
        _log.info("The answer to an acknowledgement was lost (%s).", type(error).__name__)
        interaction.extras[_UNNOTICED] = discord.InteractionResponseType.deferred_message_update


def is_acknowledged(interaction: discord.Interaction) -> bool:
    """Return whether the interaction has a first response, as far as is known."""
    return interaction.response.is_done() or _UNNOTICED in interaction.extras


async def _defer_again(interaction: discord.Interaction, *, private: bool) -> WaitingMessage:
    try:
        return await _defer(interaction, private=private)
    except discord.HTTPException as error:
        if error.code != ALREADY_ACKNOWLEDGED:
            raise
        return WaitingMessage(None, is_ephemeral=private)


async def _defer(interaction: discord.Interaction, *, private: bool) -> WaitingMessage:
    response = await interaction.response.defer(ephemeral=private, thinking=True)
    if response is None:
        return WaitingMessage(None, is_ephemeral=private)
    return WaitingMessage(response.message_id, response.is_ephemeral())


def waits_in_public(interaction: discord.Interaction) -> bool:
    """Return whether the deferred message is public."""
    return bool(interaction.extras.get(_IN_PUBLIC))


async def respond(
    interaction: discord.Interaction,
    content: str | None = None,
    *,
    view: ui.LayoutView | None = None,
    files: Sequence[discord.File] = (),
) -> None:
    """Edit the deferred message, or send an ephemeral follow-up; pings nobody.

    Edits are preferred because follow-ups count against a limit of about 30 messages a minute for a
    whole channel, of all people: https://github.com/discord/discord-api-docs/issues/3763. Raises
    discord.py's errors.
    """
    parts: dict[str, Any] = {"allowed_mentions": discord.AllowedMentions.none()}
    if content is not None:
        parts["content"] = content
    if view is not None:
        parts["view"] = view
    first = interaction.response.type or interaction.extras.get(_UNNOTICED)
    if first is THINKING and _ANSWERED not in interaction.extras:
        interaction.extras[_ANSWERED] = True
        await interaction.edit_original_response(**parts, attachments=list(files))
    else:
        await interaction.followup.send(**parts, files=list(files), ephemeral=True)


async def replace_message(
    interaction: discord.Interaction, view: ui.LayoutView, files: Sequence[discord.File] = ()
) -> None:
    """Replace the message of an acknowledged press, in either form.

    A later `respond` sends a separate message.
    """
    interaction.extras[_ANSWERED] = True
    # Discord refuses a layout beside content and embeds, as earlier versions sent them.
    parts: dict[str, Any] = {"content": None, "embeds": [], "view": view}
    await interaction.edit_original_response(
        **parts, attachments=list(files), allowed_mentions=discord.AllowedMentions.none()
    )


async def respond_lines(
    interaction: discord.Interaction, title: str, lines: Sequence[str], *, nothing: str = ""
) -> None:
    """Respond with a titled list of as many lines as fit, or with `nothing`."""
    await respond(interaction, view=panel(title, lines or [nothing]))


def deadline_of(interaction: discord.Interaction) -> float:
    """Return when look-ups before the first response must end, in the loop's time.

    All look-ups of an interaction share it, counted from the first call.
    """
    ends_at = asyncio.get_running_loop().time() + LOOKUP_S
    return float(interaction.extras.setdefault(_DEADLINE, ends_at))


async def before_deadline(interaction: discord.Interaction, awaited: Awaitable[T]) -> T:
    """Await a look-up that must end before the first response is due. Raises ServiceUnavailable."""
    try:
        async with asyncio.timeout_at(deadline_of(interaction)):
            return await awaited
    except TimeoutError as error:
        raise ServiceUnavailable(
            "The database is slow right now. Try again in a minute."
        ) from error
