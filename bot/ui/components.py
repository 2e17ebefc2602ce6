"""Buttons and menus that carry what they are about in their ids: they work after any restart."""

import re
from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar

import discord
from discord import ui

from bot.permissions import require_served
from bot.ui import error_messages

ItemT = TypeVar("ItemT", bound=ui.Item[Any])


class LastingItem(ui.DynamicItem[ItemT], Generic[ItemT], template=r"(?!)"):
    """A button or menu behind the gate of the commands, and with their door for errors.

    Each kind says by its `template` which ids are its own, in `read` what they carry, and in
    `answer` what comes of it.
    """

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Make it again from its id."""
        raise NotImplementedError

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Do what it says; whatever is raised is told to whoever acted, in private."""
        raise NotImplementedError

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003 - the library's signature
        item: ui.Item[Any],  # noqa: ARG003 - likewise
        match: re.Match[str],
        /,
    ) -> Self:
        """For the library, when somebody used one."""
        return cls.read(match)

    async def callback(self, interaction: discord.Interaction) -> None:
        """For the library: answer whoever may be here, or say privately why not."""
        async with error_messages.telling_errors(interaction):
            require_served(interaction)
            await self.answer(interaction)


def chosen_in(interaction: discord.Interaction) -> str:
    """What somebody chose in a menu of one choice; empty when nothing was sent."""
    sent: Mapping[str, Any] = interaction.data or {}
    return str(next(iter(sent.get("values") or ()), ""))
