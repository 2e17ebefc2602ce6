"""The command tree: permission checks before commands, and error handling after them."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import discord
from discord import app_commands

from bot.permissions import require_administrator, require_moderator, require_served
from bot.ui import error_messages
from generation.errors import InvalidOption, NotPermitted, RequestRefused

SlashCommand = app_commands.Command[Any, ..., None]

CONTEXTS = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
INSTALLS = app_commands.AppInstallationType(guild=True, user=True)
"""Commands work in guilds that have invited the bot, in direct messages with it, and everywhere for
people who have installed the app for themselves."""

GUILD_CONTEXTS = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)
GUILD_INSTALLS = app_commands.AppInstallationType(guild=True, user=False)
"""Commands about a guild work where the bot is installed to the guild, and for operators in DMs."""


BLOCK_PICTURE = "Block this picture"
"""The name of an entry in the menu of messages."""

AUTHORITY: Mapping[str, Callable[[discord.Interaction], None]] = {
    "limner": require_administrator,
    "mod": require_moderator,
    BLOCK_PICTURE: require_moderator,
}
"""Permission checks by top-level command, autocompletion included; others are for everybody.

Discord's default permissions are no protection: each guild can change them.
"""


def require_authority(interaction: discord.Interaction) -> None:
    """Check the command's permission. Raises NotPermitted."""
    command: Mapping[str, Any] = interaction.data or {}
    check = AUTHORITY.get(str(command.get("name")))
    if check is not None:
        check(interaction)


class CommandTree(app_commands.CommandTree[discord.Client]):
    """Checks permissions before each command and reports refusals and errors privately."""

    def __init__(self, client: discord.Client) -> None:
        super().__init__(client)
        self.command_ids: dict[str, int] = {}
        """Ids of the registered commands by name, once they are known."""
        logging.getLogger(app_commands.tree.__name__).addFilter(error_messages.is_worth_logging)

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Check permissions, and respond to a refusal; a refused autocompletion gets no choices."""
        try:
            require_served(interaction)
            require_authority(interaction)
        except (RequestRefused, NotPermitted) as refusal:
            # discord.py runs this check for autocompletions, too, which cannot show a message.
            if interaction.type is discord.InteractionType.autocomplete:
                await interaction.response.autocomplete([])
            else:
                await error_messages.tell(interaction, refusal)
            return False
        return True

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Respond privately with the error."""
        cause: BaseException = error
        if isinstance(error, app_commands.CommandInvokeError):
            cause = error.original
        # The person's client still has the command as it was before the last sync.
        if isinstance(error, (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)):
            cause = InvalidOption(
                "This command changed. Restart Discord, or try again in a few minutes."
            )
        await error_messages.tell(interaction, cause)
