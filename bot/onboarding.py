"""Greeting in a server that the bot has joined."""

import logging

import discord

from bot.commands.admin.setup import setup_button
from bot.commands.help import link_commands
from bot.i18n.language import _, speaking
from bot.network import NETWORK_ERRORS
from bot.tree import CommandTree
from bot.ui.layout import panel, row

_log = logging.getLogger(__name__)


async def greet(guild: discord.Guild, tree: CommandTree) -> None:
    """Post what the bot does in a permitted channel, in the server's language; log failures."""
    channel = find_channel(guild)
    if channel is None:
        _log.info("Guild %s has no channel where the bot may write.", guild.id)
        return
    with speaking(str(guild.preferred_locale)):
        lines = [
            _("Type `/imagine` and describe what you want to see. `/help` shows the rest."),
            _("Administrators: set me up in five steps, or later with `/limner setup`."),
        ]
        linked = [link_commands(line, tree.command_ids) for line in lines]
        begin = setup_button("step", "1", _("Set up"), is_next=True)
        view = panel(_("Hi, I make pictures"), linked, rows=[row(begin)])
    try:
        await channel.send(view=view)
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        _log.info("Guild %s could not be greeted (%s).", guild.id, type(error).__name__)


def find_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """Return the channel for notices, else the first one, where the bot may write."""
    preferred = [guild.system_channel] if guild.system_channel is not None else []
    for channel in (*preferred, *guild.text_channels):
        granted = channel.permissions_for(guild.me)
        if granted.view_channel and granted.send_messages:
            return channel
    return None
