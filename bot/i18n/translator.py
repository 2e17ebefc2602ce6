"""What commands say of themselves, in the language of whoever types them."""

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.i18n.language import translate

_NAMES = frozenset({Location.command_name, Location.group_name, Location.parameter_name})
"""Commands and options are called the same everywhere, so that people can tell each other; the
menu of a message is read."""


class CommandTranslator(app_commands.Translator):
    """Translates descriptions and choices, where a language has them."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """The string in this locale; None where English is shown."""
        is_menu = isinstance(context.data, app_commands.ContextMenu)
        if context.location in _NAMES and not is_menu:
            return None
        said = translate(string.message, locale.value)
        return None if said == string.message else said
