"""Slash commands, one module each. They collect options and render answers; the core decides."""

from collections.abc import Sequence

from discord import Client, Object, app_commands

from bot.commands.admin.group import AdministrationGroup
from bot.commands.admin.setup import SETUP_ITEMS
from bot.commands.admin.workflows import LIBRARY_ITEMS
from bot.commands.help import TryButton, help_command
from bot.commands.history import HISTORY_ITEMS, history_command
from bot.commands.imagine import imagine_command
from bot.commands.mod.group import ModerationGroup
from bot.commands.my_settings import SETTINGS_ITEMS, settings_command
from bot.commands.mydata import MydataGroup
from bot.commands.presets import PresetsGroup
from bot.commands.queue import QueueButton, cancel_command, queue_command
from bot.commands.quota import quota_command
from bot.commands.show import show_command
from bot.commands.workflows import WorkflowsButton, workflows_command
from bot.services import Services
from bot.tree import (
    AUTHORITY,
    CONTEXTS,
    GUILD_CONTEXTS,
    GUILD_INSTALLS,
    INSTALLS,
    SlashCommand,
)

COG_ITEMS = (
    *HISTORY_ITEMS,
    *SETTINGS_ITEMS,
    *SETUP_ITEMS,
    *LIBRARY_ITEMS,
    TryButton,
    QueueButton,
    WorkflowsButton,
)
"""Persistent buttons and menus of the commands' own messages."""

COMMAND_NAMES = frozenset(
    {
        "imagine",
        "queue",
        "cancel",
        "history",
        "show",
        "quota",
        "settings",
        "presets",
        "workflows",
        "help",
        "limner",
        "mydata",
        "mod",
    }
)
"""Names of the built-in commands, which no workflow's command can take."""


def add_commands(
    tree: app_commands.CommandTree[Client],
    services: Services,
    guilds: Sequence[Object] = (),
) -> None:
    """Add the built-in commands to the tree, for these guilds or globally."""
    commands: tuple[SlashCommand | app_commands.Group, ...] = (
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
    )
    for command in commands:
        is_for_all = command.name not in AUTHORITY
        command.allowed_contexts = CONTEXTS if is_for_all else GUILD_CONTEXTS
        command.allowed_installs = INSTALLS if is_for_all else GUILD_INSTALLS
        tree.add_command(command, guilds=guilds)


def add_menu(
    tree: app_commands.CommandTree[Client],
    entries: Sequence[app_commands.ContextMenu],
    guilds: Sequence[Object] = (),
) -> None:
    """Add message context menu entries, for these guilds or globally."""
    for entry in entries:
        is_for_all = entry.name not in AUTHORITY
        entry.allowed_contexts = CONTEXTS if is_for_all else GUILD_CONTEXTS
        entry.allowed_installs = INSTALLS if is_for_all else GUILD_INSTALLS
        tree.add_command(entry, guilds=guilds)
