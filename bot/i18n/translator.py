"""Localization of command descriptions and choices for discord.py."""

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.i18n.language import translate

_NAMES = frozenset({Location.command_name, Location.group_name, Location.parameter_name})
"""Not localized, so that people of all languages can tell each other what to type; names of
context menu entries are localized."""


class CommandTranslator(app_commands.Translator):
    """Translates descriptions, choices and context menu entries."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return the string in this locale, or None to show English."""
        is_menu = isinstance(context.data, app_commands.ContextMenu)
        if context.location in _NAMES and not is_menu:
            return None
        said = translate(string.message, locale.value)
        return None if said == string.message else said
