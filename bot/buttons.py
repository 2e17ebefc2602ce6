"""Buttons that carry only a generation's id, an action and an index: they work for ever."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Self

import discord
from discord import ui

from bot import replies
from bot.address import open_reply
from bot.delivery import fit_original
from bot.people import can_moderate, requester_of
from bot.text import mebibytes
from bot.tree import require_served
from generation.errors import NotYours, UnknownGeneration
from generation.record import Generation
from generation.service import GenerationService

BUTTONS_A_MESSAGE = 25
"""Discord's limit: five rows of five."""

CANCEL, RETRY, ORIGINAL = "cancel", "retry", "original"

_LABELS: Mapping[str, tuple[str, discord.ButtonStyle]] = MappingProxyType(
    {
        CANCEL: ("Cancel", discord.ButtonStyle.secondary),
        RETRY: ("Try again", discord.ButtonStyle.primary),
        ORIGINAL: ("Original", discord.ButtonStyle.secondary),
    }
)


class GenerationButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=r"g:(?P<id>[a-z0-9]{1,32}):(?P<action>cancel|retry|original):(?P<index>[0-9]{1,3})",
):
    """One action on one generation; `index` counts from 0 where there are several results."""

    def __init__(self, generation_id: str, action: str, index: int = 0, *, label: str = "") -> None:
        text, style = _LABELS[action]
        custom_id = f"g:{generation_id}:{action}:{index}"
        super().__init__(ui.Button(label=label or text, style=style, custom_id=custom_id))
        self.generation_id = generation_id
        self.action = action
        self.index = index

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003 - the library's signature
        item: ui.Item[ui.View],  # noqa: ARG003 - likewise
        match: re.Match[str],
        /,
    ) -> Self:
        """Read the button back from what it carries."""
        return cls(match["id"], match["action"], int(match["index"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Do what the button says, or say privately why not."""
        async with replies.telling_errors(interaction):
            require_served(interaction)
            service: GenerationService = interaction.client.service  # type: ignore[attr-defined]
            await _ACTIONS[self.action](interaction, service, self.generation_id, self.index)


def cancel_view(generation: Generation) -> ui.View:
    """While it waits or runs."""
    return _view([GenerationButton(generation.id, CANCEL)])


def failed_view(generation: Generation) -> ui.View:
    """After a failure."""
    return _view([GenerationButton(generation.id, RETRY)])


def done_view(generation: Generation, reduced: Sequence[int]) -> ui.View:
    """After success: the originals of pictures that had to be made smaller."""
    several = len(reduced) > 1
    return _view(
        [
            GenerationButton(
                generation.id, ORIGINAL, index, label=f"Original {index + 1}" if several else ""
            )
            for index in reduced[:BUTTONS_A_MESSAGE]
        ]
    )


def queue_view(generations: Sequence[Generation]) -> ui.View:
    """A Cancel button for each, at most as many as a message can have."""
    return _view(
        [
            GenerationButton(one.id, CANCEL, label=f"Cancel {one.id}")
            for one in generations[:BUTTONS_A_MESSAGE]
        ]
    )


async def cancel(
    interaction: discord.Interaction, service: GenerationService, generation_id: str
) -> None:
    """Cancel for whoever asks, if they may, and say in private that it is under way.

    Moderators moderate what was asked for in their own guild.
    """
    await interaction.response.defer(ephemeral=True, thinking=True)
    found = await service.find(generation_id)
    is_here = found is not None and found.guild_id == interaction.guild_id
    generation = await service.cancel(
        generation_id,
        user_id=interaction.user.id,
        is_moderator=is_here and can_moderate(interaction),
    )
    ended = generation.state.is_final
    text = "It had ended already." if ended else f"Cancelling `{generation.id}`."
    await interaction.followup.send(text, ephemeral=True)


def _view(buttons: Sequence[GenerationButton]) -> ui.View:
    view = ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    # The client knows the buttons by their ids: it need not remember each message's view.
    view.stop()
    return view


async def _cancel(
    interaction: discord.Interaction, service: GenerationService, generation_id: str, _index: int
) -> None:
    await cancel(interaction, service, generation_id)


async def _retry(
    interaction: discord.Interaction, service: GenerationService, generation_id: str, _index: int
) -> None:
    # There is no time to look it up first: whoever sees the button will see the answer.
    private = interaction.message is not None and interaction.message.flags.ephemeral
    reply = await open_reply(interaction, private=private)
    await _find_visible(interaction, service, generation_id)
    await service.retry(generation_id, requester_of(interaction), reply)


async def _original(
    interaction: discord.Interaction, service: GenerationService, generation_id: str, index: int
) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    generation = await _find_visible(interaction, service, generation_id)
    contents = await service.contents(generation_id)
    content = next((one for one in contents if one.output.position == index), None)
    if content is None:
        await interaction.followup.send(
            "The original is not kept any more; the picture above is what remains.", ephemeral=True
        )
        return
    attachment = await fit_original(generation, content, interaction.filesize_limit)
    if attachment is None:
        limit = mebibytes(interaction.filesize_limit)
        await interaction.followup.send(
            f"The original has {mebibytes(content.output.byte_count)}, and you can receive at most "
            f"{limit} here. It is kept for a few days: ask the people who run this bot.",
            ephemeral=True,
        )
        return
    await interaction.followup.send(file=attachment.to_file(), ephemeral=True)


async def _find_visible(
    interaction: discord.Interaction, service: GenerationService, generation_id: str
) -> Generation:
    """A private generation is its requester's alone, whoever learns its id."""
    generation = await service.find(generation_id)
    if generation is None:
        raise UnknownGeneration(generation_id)
    if generation.private and generation.user_id != interaction.user.id:
        raise NotYours(generation_id)
    return generation


_Action = Callable[[discord.Interaction, GenerationService, str, int], Awaitable[None]]
_ACTIONS: Mapping[str, _Action] = MappingProxyType(
    {CANCEL: _cancel, RETRY: _retry, ORIGINAL: _original}
)
