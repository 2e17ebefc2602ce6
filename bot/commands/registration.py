"""Registration of the built-in commands in the command tree."""

from collections.abc import Sequence

from discord import Client, Object, app_commands

from bot.commands.admin.group import AdministrationGroup
from bot.commands.help import help_command
from bot.commands.history import history_command
from bot.commands.imagine import imagine_command
from bot.commands.message_menu import describe, show_info, use_as_input
from bot.commands.mod.group import ModerationGroup
from bot.commands.mod.pictures import block_picture
from bot.commands.mod.review import report_image
from bot.commands.my_settings import settings_command
from bot.commands.mydata import MydataGroup
from bot.commands.presets import PresetsGroup
from bot.commands.queue import cancel_command, queue_command
from bot.commands.quota import quota_command
from bot.commands.show import show_command
from bot.commands.workflows import workflows_command
from bot.services import Services
from bot.tree import (
    AUTHORITY,
    CONTEXTS,
    GUILD_CONTEXTS,
    GUILD_INSTALLS,
    INSTALLS,
    SlashCommand,
)


def add_commands(
    tree: app_commands.CommandTree[Client],
    services: Services,
    guilds: Sequence[Object],
) -> None:
    """Add the built-in commands and the entries of the messages' menu to the tree.

    They are for these guilds, or global.
    """
    commands: tuple[SlashCommand | app_commands.Group | app_commands.ContextMenu, ...] = (
        imagine_command,
        queue_command,
        cancel_command,
        history_command,
        show_command,
        quota_command,
        settings_command,
        PresetsGroup(services.preferences, services.derivations),
        workflows_command,
        MydataGroup(services),
        help_command,
        AdministrationGroup(services),
        ModerationGroup(services),
        show_info,
        use_as_input,
        describe,
        report_image,
        block_picture,
    )
    for command in commands:
        is_for_all = command.name not in AUTHORITY
        command.allowed_contexts = CONTEXTS if is_for_all else GUILD_CONTEXTS
        command.allowed_installs = INSTALLS if is_for_all else GUILD_INSTALLS
        tree.add_command(command, guilds=guilds)
