"""Handlers of the buttons under a result."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import discord
from discord import ui

from bot.i18n.language import _
from bot.permissions import is_operator
from bot.replies.packing import pack_originals, show_files
from bot.replies.posted_files import generation_ids
from bot.replies.submission import derive
from bot.requester import find_visible, requester_of
from bot.services import services_of
from bot.ui.details import details_layout
from bot.ui.layout import Item, build_layout, text
from bot.ui.responses import acknowledge, respond
from generation.media.decoding import decode
from generation.media.stripping import strip_metadata
from generation.record import Generation

ALL = 999
"""Position that stands for all results."""


async def upscale(interaction: discord.Interaction, generation_id: str, index: int) -> None:
    """Upscale one picture."""
    await derive(interaction, lambda source, who: source.upscale(generation_id, index, who))


async def vary(interaction: discord.Interaction, generation_id: str, index: int) -> None:
    """Make variations of one picture."""
    await derive(interaction, lambda source, who: source.vary(generation_id, index, who))


async def again(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Repeat the request with a new seed."""
    await derive(interaction, lambda source, who: source.again(generation_id, who))


async def retry(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Repeat the request with the same seed."""
    await derive(interaction, lambda source, who: source.retry(generation_id, who))


async def info(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Show the full record of the generation privately."""
    await acknowledge(interaction)
    generation = await find_visible(interaction, generation_id)
    await respond(interaction, view=await details_of(interaction, generation))


async def details_of(
    interaction: discord.Interaction, generation: Generation, stated: Iterable[str] = ()
) -> ui.LayoutView:
    """Build the message of a record; `stated` are the statements in its first file."""
    services, requester = services_of(interaction), requester_of(interaction)
    ancestors = await services.derivations.lineage.visible(generation, requester)
    title = _(services.action_finder.title_of(generation.workflow))
    names_backend = is_operator(interaction)
    return details_layout(generation, title, ancestors, names_backend=names_backend, stated=stated)


async def send_originals(
    interaction: discord.Interaction,
    generation_id: str,
    index: int,
    build_row: Callable[[Generation, int], Item | None] | None = None,
) -> None:
    """Send one result or all privately, as the backend made them.

    `build_row` makes the buttons below files that carry metadata; without it, metadata is
    stripped.
    """
    await acknowledge(interaction)
    generation = await find_visible(interaction, generation_id)
    async with services_of(interaction).file_slots.take(interaction.user.id):
        await _send_originals(interaction, generation, index, build_row)


async def _send_originals(
    interaction: discord.Interaction,
    generation: Generation,
    index: int,
    build_row: Callable[[Generation, int], Item | None] | None,
) -> None:
    services, requester = services_of(interaction), requester_of(interaction)
    kept = await services.generations.contents(generation.id)
    contents = [content for content in kept if index >= ALL or content.output.position == index]
    if not contents:
        await respond(
            interaction, _("The original is no longer stored. The posted picture is what remains.")
        )
        return
    bare = [
        replace(content, content=await decode(strip_metadata, content.content))
        for content in contents
    ]
    may_have_all = generation.keeps_metadata or requester.user_id == generation.user_id
    buttons: Item | None = None
    if build_row is None or not may_have_all:
        contents = bare
    # There is nothing to choose from where stripping changes nothing.
    elif bare != contents:
        buttons = build_row(generation, index)
    parcel = await pack_originals(
        generation, contents, interaction.filesize_limit, marker=services.marker
    )
    for number, files in enumerate(parcel.messages):
        above = (text(*parcel.notes), buttons) if number == 0 else ()
        view = build_layout(*show_files(files), *above)
        await respond(interaction, view=view, files=[file.to_file() for file in files])


async def find_own(interaction: discord.Interaction, message: discord.Message) -> Generation | None:
    """Return the generation that one of the bot's own messages belongs to."""
    client = interaction.client
    if client.user is None or message.author.id != client.user.id:
        return None
    generation_id = next(generation_ids(message), None)
    return await find_visible(interaction, generation_id) if generation_id is not None else None
