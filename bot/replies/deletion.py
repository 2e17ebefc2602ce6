"""Deletion of a generation: confirmation, stored results and posted messages."""

import logging
from collections.abc import Awaitable

import discord

from bot.i18n.language import _
from bot.network import NETWORK_ERRORS, is_outage
from bot.permissions import can_moderate, guild_of
from bot.replies.address import ReplyAddress, parse_reply
from bot.replies.posted_files import generation_ids, parse_link
from bot.services import services_of
from bot.ui.modals import GENERATION_ID, ModalInput, handles_modal, open_modal
from bot.ui.responses import acknowledge_press, before_deadline, respond
from bot.ui.text import harmless
from generation.errors import NotYours, UnknownGeneration
from generation.record import Generation

FURTHER_MESSAGES = 50
"""Messages searched below a reply for its further results, which are posted right after it."""

_log = logging.getLogger(__name__)


async def open_delete(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Open the confirmation, because a deletion cannot be undone."""
    generation = await before_deadline(
        interaction, services_of(interaction).generations.find(generation_id)
    )
    if generation is None:
        raise UnknownGeneration(generation_id)
    if generation.user_id != interaction.user.id and not may_moderate(interaction, generation):
        raise NotYours(generation.id)
    prompt = harmless(generation.prompt, 200) or generation.workflow
    text = _(
        "**{prompt}**\nThis deletes the message and pictures permanently. A history entry remains.",
        prompt=prompt,
    )
    title = _("Delete {id}?", id=generation.id)
    await open_modal(interaction, f"f:{generation.id}:delete", title, text=text)


@handles_modal(rf"f:{GENERATION_ID}:delete")
async def take_delete(interaction: discord.Interaction, answer: ModalInput) -> None:
    """Delete the generation if the person is allowed to."""
    await acknowledge_press(interaction)
    services = services_of(interaction)
    generation = await services.generations.find(answer.match["id"])
    is_moderator = generation is not None and may_moderate(interaction, generation)
    removed = await services.remover.remove(
        answer.match["id"], actor_id=interaction.user.id, is_moderator=is_moderator
    )
    if interaction.message is not None and removed.id in generation_ids(interaction.message):
        await _ignoring_missing(interaction.delete_original_response())
    await withdraw(interaction, removed, _("Deleted `{id}`.", id=removed.id))


async def withdraw(
    interaction: discord.Interaction, removed: Generation, answer: str | None = None
) -> None:
    """Delete the messages of a removed generation, and close its review message.

    The response is sent in between, because closing waits for a review post in progress.
    """
    await delete_message(interaction.client, removed)
    if answer is not None:
        await respond(interaction, answer)
    await services_of(interaction).reviews.update_message(removed.id)


async def delete_message(client: discord.Client, generation: Generation) -> bool:
    """Delete a generation's messages: the reply, and where it was shared.

    Return False if some may be left because Discord cannot be reached.
    """
    address = parse_reply(generation.reply)
    # The link is stored a moment after the delivery; until then the reply's address is used.
    link = generation.message_url or (address.message_url if address else None)
    is_done = await _delete_at(client, generation, link)
    return await delete_shared(client, generation) and is_done


async def delete_shared(client: discord.Client, generation: Generation) -> bool:
    """Delete the message in which its requester shared the results, as `delete_message` does."""
    return await _delete_at(client, generation, generation.shared_url)


async def _delete_at(client: discord.Client, generation: Generation, link: str | None) -> bool:
    """Delete a message with results, and those below it with further ones."""
    place = parse_link(link)
    if place is None:
        return True
    channel = client.get_partial_messageable(place[0])
    is_done = await _ignoring_missing(channel.get_partial_message(place[1]).delete())
    if len(generation.outputs) > 1:
        below = _delete_below(client, channel, place[1], generation.id)
        is_done &= await _ignoring_missing(below)
    return is_done


async def delete_others(
    client: discord.Client, generation: Generation, address: ReplyAddress
) -> None:
    """Delete messages beside the reply: further results, or all of it elsewhere."""
    place = parse_link(generation.message_url)
    if place is None:
        return
    channel = client.get_partial_messageable(place[0])
    if place[1] != address.message_id:
        await _ignoring_missing(channel.get_partial_message(place[1]).delete())
    await _ignoring_missing(_delete_below(client, channel, place[1], generation.id))


async def _delete_below(
    client: discord.Client, channel: discord.PartialMessageable, message_id: int, generation_id: str
) -> bool:
    """Delete messages with further results; return False if some may be left."""
    is_done = True
    following = channel.history(
        after=discord.Object(message_id), limit=FURTHER_MESSAGES, oldest_first=True
    )
    async for message in following:
        is_ours = client.user is not None and message.author.id == client.user.id
        if is_ours and generation_id in generation_ids(message):
            is_done &= await _ignoring_missing(message.delete())
    return is_done


def may_moderate(interaction: discord.Interaction, generation: Generation) -> bool:
    """Return whether the person moderates the guild of the generation."""
    is_here = generation.guild_id is not None and generation.guild_id == guild_of(interaction)
    return is_here and can_moderate(interaction)


async def _ignoring_missing(deletion: Awaitable[object]) -> bool:
    """Ignore messages that are deleted already or cannot be reached.

    Return False if they may be deleted later, as Discord itself cannot be reached, or if the
    deletion itself returns that.
    """
    try:
        is_done = await deletion
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        _log.info("A message could not be deleted (%s).", error)
        return isinstance(error, discord.HTTPException) and not is_outage(error)
    return is_done is not False
