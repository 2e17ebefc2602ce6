"""The command tree: the one gate and the one door for errors."""

from typing import Any

import discord
from discord import app_commands

from bot import replies
from generation.errors import FailureKind, RequestRefused

SlashCommand = app_commands.Command[Any, ..., None]


class CommandTree(app_commands.CommandTree[discord.Client]):
    """Lets in who may use commands here; tells everybody else, and of every error, in private."""

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Refuse guilds that this bot does not serve."""
        served: frozenset[int] = getattr(interaction.client, "served_guilds", frozenset())
        if not served or interaction.guild_id is None or interaction.guild_id in served:
            return True
        if interaction.type is discord.InteractionType.autocomplete:
            return False
        sentence = "This bot does not serve this server."
        await replies.tell(interaction, RequestRefused(FailureKind.NOT_ALLOWED_HERE, sentence))
        return False

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Tell what went wrong."""
        cause: BaseException = error
        if isinstance(error, app_commands.CommandInvokeError):
            cause = error.original
        if isinstance(error, app_commands.TransformerError):
            cause = error.__cause__ or error
        if isinstance(error, (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)):
            sentence = "This command changed. Restart Discord, or try again in a few minutes."
            cause = RequestRefused(FailureKind.INVALID_OPTION, sentence)
        await replies.tell(interaction, cause)
