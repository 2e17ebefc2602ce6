"""Handlers of buttons and menus, whose custom ids hold all that is needed after a restart."""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Self

import discord
from discord import SelectOption, ui

from bot.permissions import require_served
from bot.ui import error_messages
from bot.ui.limits import MENU_OPTION_CHARACTERS, MENU_OPTIONS


class PersistentItem(ui.DynamicItem[ui.Item[Any]], template=r"(?!)"):
    """Handler of components by their custom id, with the same checks and errors as commands.

    Subclasses set `template` to match the custom ids, and act in `_answer`; `match` has the groups.
    """

    def __init__(self, item: ui.Item[Any], match: re.Match[str]) -> None:
        super().__init__(item)
        self.match = match

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        """Handle a use of the item; errors are reported privately to the person."""
        raise NotImplementedError

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003 - the library's signature
        item: ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Build the handler of an interaction; called by discord.py."""
        return cls(item, match)

    async def callback(self, interaction: discord.Interaction) -> None:
        """Check the guild, then answer; called by discord.py."""
        async with error_messages.telling_errors(interaction):
            require_served(interaction)
            await self._answer(interaction)


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
