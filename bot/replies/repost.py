"""Reposting of an earlier result."""

from collections.abc import Sequence
from dataclasses import replace

import discord

from bot.i18n.language import _
from bot.replies.packing import pack
from bot.replies.posted_files import PostedFiles
from bot.replies.request_messages import done_messages, origin_text
from bot.requester import requester_of
from bot.services import Services, services_of
from bot.ui.responses import acknowledge, before_deadline
from bot.ui.text import harmless
from generation.errors import InvalidOption, NotAllowedHere, RequestRefused
from generation.media import imaging
from generation.record import Generation, GenerationState, Output, OutputContent
from generation.request import Requester

NOTE_CHARACTERS = 300


async def repost(
    interaction: discord.Interaction,
    generation_id: str,
    picture: int | None = None,
    *,
    private: bool = False,
) -> None:
    """Post a result again, or one of its pictures, counted from 1.

    It is private if the result is, or if others must not see it here. Raises RequestRefused and
    other GenerationErrors.
    """
    result, obstacle = await before_deadline(interaction, _look_up(interaction, generation_id))
    if picture is not None:
        result = _only(result, picture - 1)
    is_private = private or result.private or obstacle is not None
    await acknowledge(interaction, private=is_private)
    notes = () if obstacle is None or private else (_say_why(obstacle),)
    async with services_of(interaction).file_slots.take(interaction.user.id):
        await _post(interaction, result, is_private=is_private, notes=notes)


async def _look_up(
    interaction: discord.Interaction, generation_id: str
) -> tuple[Generation, RequestRefused | None]:
    """Return a result, and the reason why it can only be shown privately, if there is one."""
    services, requester = services_of(interaction), requester_of(interaction)
    result = await services.derivations.find_visible(generation_id, requester)
    if result.state is not GenerationState.SUCCEEDED:
        raise InvalidOption("There are no results to show.")
    if result.withheld:
        raise NotAllowedHere("Finished. Waiting for moderator approval.")
    if result.private:
        return result, None
    return result, await services.reposting.find_obstacle(result, requester)


def _say_why(obstacle: RequestRefused) -> str:
    why = _(obstacle.template, **obstacle.facts)
    return harmless(_("Only you can see this. {why}", why=why), NOTE_CHARACTERS)


async def _post(
    interaction: discord.Interaction,
    generation: Generation,
    *,
    is_private: bool,
    notes: Sequence[str],
) -> None:
    services, requester = services_of(interaction), requester_of(interaction)
    contents, losses = await gather(interaction, generation)
    generation = await services.image_gate.admit(generation, contents, requester)
    parcel = await pack(generation, contents, interaction.filesize_limit, marker=services.marker)
    finder = services.action_finder
    parent = await _find_parent(services, generation, requester)
    messages = done_messages(
        generation,
        _(finder.title_of(generation.workflow)),
        parcel,
        finder.of(generation),
        origin=origin_text(generation, parent),
        notes=(*notes, *losses),
    )
    for message in messages:
        await interaction.followup.send(**message.send(), ephemeral=is_private)


async def _find_parent(
    services: Services, generation: Generation, requester: Requester
) -> Generation | None:
    if generation.parent_id is None:
        return None
    parent = await services.generations.find(generation.parent_id)
    return parent if parent is not None and parent.is_visible_to(requester) else None


async def gather(
    interaction: discord.Interaction, generation: Generation
) -> tuple[Sequence[OutputContent], Sequence[str]]:
    """Collect each output from the best source left: storage, the posted file, the thumbnail."""
    kept = {
        content.output.position: content
        for content in await services_of(interaction).generations.contents(generation.id)
    }
    posted_files = PostedFiles(interaction.client)
    contents, notes = [], []
    for output in generation.outputs:
        content = kept.get(output.position)
        if content is None:
            copy = await posted_files.fetch(generation, output)
            content = OutputContent(output, copy) if copy is not None else _thumbnail(output)
            if copy is None and content is not None:
                number = output.position + 1
                notes.append(
                    _("#{number}: No longer stored, so this is a small copy.", number=number)
                )
        if content is not None:
            contents.append(content)
    return contents, notes


def _thumbnail(output: Output) -> OutputContent | None:
    description = imaging.describe(output.thumbnail) if output.thumbnail is not None else None
    if output.thumbnail is None or description is None:
        return None
    filename = f"thumbnail.{description.extension}"
    small = replace(output, filename=filename, media_type=description.media_type)
    return OutputContent(small, output.thumbnail)


def _only(generation: Generation, position: int) -> Generation:
    outputs = tuple(output for output in generation.outputs if output.position == position)
    if not outputs:
        raise InvalidOption(
            "It has no picture {number}.", {"option": "picture", "number": position + 1}
        )
    return replace(generation, outputs=outputs)
