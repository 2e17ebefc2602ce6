"""Sharing of a result: in the server's gallery, or of a private one in its channel."""

from dataclasses import replace

import discord

from bot.i18n.language import _
from bot.permissions import guild_of
from bot.replies.address import DEFAULT_SIZE_LIMIT
from bot.replies.deletion import delete_shared
from bot.replies.packing import pack
from bot.replies.repost import gather
from bot.replies.request_messages import done_messages
from bot.replies.sender import Gone, ReplySender, TooLarge, Unreachable
from bot.requester import find_visible, is_age_restricted, requester_of
from bot.services import services_of
from bot.ui.responses import acknowledge, respond
from generation.errors import GenerationRemoved, NotAllowedHere, NotYours, ServiceUnavailable
from generation.record import Generation, GenerationState
from generation.request import Requester
from generation.requests.available_actions import AvailableActions


async def find_destination(interaction: discord.Interaction, generation: Generation) -> int | None:
    """Return the channel in which a person can share a result; None if there is none.

    That is the gallery of the server where it was made, or this channel for a private result.
    """
    guild_id = guild_of(interaction)
    is_own = generation.user_id == interaction.user.id
    if not is_own or guild_id is None or generation.guild_id != guild_id:
        return None
    if generation.state is not GenerationState.SUCCEEDED or generation.withheld:
        return None
    gallery = await services_of(interaction).administration.gallery(guild_id)
    return gallery or (interaction.channel_id if generation.private else None)


async def share(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Share a result of the interacting person, once."""
    await acknowledge(interaction)
    services, requester = services_of(interaction), requester_of(interaction)
    generation = await find_visible(interaction, generation_id)
    if generation.user_id != requester.user_id:
        raise NotYours(generation.id)
    if generation.shared_url is not None:
        await respond(interaction, _("Already shared: {link}", link=generation.shared_url))
        return
    channel_id = await find_destination(interaction, generation)
    guild = interaction.guild
    channel = guild.get_channel_or_thread(channel_id) if guild and channel_id else None
    if channel is None or channel_id is None:
        raise NotAllowedHere(
            "There is no channel to share it in. "
            "Administrators choose one with /limner channels gallery."
        )
    # Permission depends on the requester and on the channel of the post.
    requester = replace(requester, is_channel_age_restricted=is_age_restricted(channel))
    async with services.generations.deciding(requester):
        gallery_id = channel_id if channel_id != requester.channel_id else None
        obstacle = await services.reposting.find_obstacle(generation, requester, gallery_id)
        if obstacle is not None:
            raise obstacle
    async with services.file_slots.take(interaction.user.id):
        url = await _post(interaction, generation, channel_id, requester)
    await respond(interaction, _("Shared: {link}", link=url))


async def _post(
    interaction: discord.Interaction,
    generation: Generation,
    channel_id: int,
    requester: Requester,
) -> str:
    """Post the result and record where; return a link to it."""
    services = services_of(interaction)
    contents, losses = await gather(interaction, generation)
    generation = await services.image_gate.admit(generation, contents, requester)
    limit = interaction.guild.filesize_limit if interaction.guild else DEFAULT_SIZE_LIMIT
    parcel = await pack(generation, contents, limit, marker=services.marker)
    title = _(services.action_finder.title_of(generation.workflow))
    link = generation.message_url
    messages = done_messages(
        generation,
        title,
        parcel,
        AvailableActions(),
        origin=f"[{_('Original message')} ↗]({link})" if link else "",
        notes=losses,
    )
    sender = ReplySender(interaction.client, lambda: interaction.created_at)
    try:
        ids = [
            await sender.post(channel_id, message, f"share {generation.id} {number}")
            for number, message in enumerate(messages)
        ]
    except (Gone, TooLarge) as error:
        raise NotAllowedHere(
            "I can't post in {channel}. Ask an administrator to let me.",
            {"channel": f"<#{channel_id}>"},
        ) from error
    except Unreachable as error:
        raise ServiceUnavailable("Discord can't be reached right now. Try again.") from error
    url = f"https://discord.com/channels/{generation.guild_id}/{channel_id}/{ids[0]}"
    if not await services.reposting.record_share(generation.id, url):
        await delete_shared(interaction.client, replace(generation, shared_url=url))
        raise GenerationRemoved(generation.id)
    return url
