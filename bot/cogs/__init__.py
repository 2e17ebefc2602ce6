"""Every slash command, a module each: they collect and render, and decide nothing."""

from collections.abc import Collection

from discord import Client, app_commands

from bot.cogs.help import help_command
from bot.cogs.history import HistoryButton, history_command
from bot.cogs.imagine import imagine_command
from bot.cogs.queue import cancel_command, queue_command
from bot.cogs.quota import quota_command
from generation.service import GenerationService

HISTORY_BUTTONS = (HistoryButton,)


def add_commands(
    tree: app_commands.CommandTree[Client],
    service: GenerationService,
    attachment_hosts: Collection[str],
) -> None:
    """Put every command into the tree."""
    for command in (
        imagine_command(service, attachment_hosts),
        queue_command(service),
        cancel_command(service),
        history_command(service),
        quota_command(service),
        help_command(service),
    ):
        command.allowed_contexts = app_commands.AppCommandContext(
            guild=True, dm_channel=True, private_channel=False
        )
        command.allowed_installs = app_commands.AppInstallationType(guild=True, user=False)
        tree.add_command(command)
