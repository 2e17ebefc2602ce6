"""Persistent buttons and menus, whose custom ids hold all that is needed after a restart."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Generic, Self, TypeVar

import discord
from discord import SelectOption, ui

from bot.permissions import require_served
from bot.ui import error_messages
from bot.ui.limits import MENU_OPTION_CHARACTERS, MENU_OPTIONS

ItemT = TypeVar("ItemT", bound=ui.Item[Any])


class PersistentItem(ui.DynamicItem[ItemT], Generic[ItemT], template=r"(?!)"):
    """Persistent component with the same checks and error handling as commands.

    Subclasses set `template` to match their custom ids, and act in `answer`. Their constructors
    take what `read` makes of the match: by default its groups, in order.
    """

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Build the item from the match of its custom id."""
        groups: Iterable[Any] = match.groups()
        return cls(*groups)

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Handle a use of the item; errors are reported privately to the person."""
        raise NotImplementedError

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003 - the library's signature
        item: ui.Item[Any],  # noqa: ARG003 - likewise
        match: re.Match[str],
        /,
    ) -> Self:
        """Rebuild the item of an interaction; called by discord.py."""
        return cls.read(match)

    async def callback(self, interaction: discord.Interaction) -> None:
        """Check the guild, then answer; called by discord.py."""
        async with error_messages.telling_errors(interaction):
            require_served(interaction)
            await self.answer(interaction)


def menu_options(labels: Mapping[str, str], chosen: str | None = None) -> list[SelectOption]:
    """Build as many entries of a menu as fit, by their values."""
    return [
        SelectOption(label=label[:MENU_OPTION_CHARACTERS], value=value, default=value == chosen)
        for value, label in islice(labels.items(), MENU_OPTIONS)
    ]


def chosen_in(interaction: discord.Interaction) -> str:
    """Return the value chosen in a single-choice menu; empty if none was sent."""
    return next(iter(all_chosen_in(interaction)), "")


def all_chosen_in(interaction: discord.Interaction) -> list[str]:
    """Return the values chosen in a menu."""
    sent: Mapping[str, Any] = interaction.data or {}
    return [str(value) for value in sent.get("values") or ()]
