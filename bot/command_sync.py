"""Comparison of the bot's commands with the registered ones, to sync only differences."""

from collections.abc import Mapping

import discord
from discord import app_commands
from discord.http import Route

Shapes = Mapping[tuple[str, str], object]
"""The visible properties of commands, by type and name."""

_IGNORED = frozenset(
    {"id", "application_id", "guild_id", "version", "handler"}
    # Deprecated by Discord in favor of `contexts`.
    | {"dm_permission"}
)

_GLOBAL_ONLY = frozenset({"contexts", "integration_types"})


async def fetch_commands(
    client: discord.Client, guild: discord.Object | None
) -> tuple[Shapes, dict[str, int]]:
    """Fetch the commands registered with Discord, for a guild or globally, and their ids by name.

    `CommandTree.fetch_commands` loses localizations, which Discord sends on request only:
    https://docs.discord.com/developers/interactions/application-commands#get-global-application-commands
    """
    scope = "" if guild is None else f"/guilds/{guild.id}"
    path = f"/applications/{client.application_id}{scope}/commands"
    fetched = await client.http.request(Route("GET", path), params={"with_localizations": "true"})
    shapes = {_key(command): _shape(command, guild) for command in fetched}
    return shapes, {command["name"]: int(command["id"]) for command in fetched}


async def describe_commands(
    tree: app_commands.CommandTree[discord.Client], guild: discord.Object | None
) -> Shapes:
    """Describe the commands of a tree, for a guild or globally."""
    described = {}
    for command in tree.get_commands(guild=guild):
        if tree.translator is None:
            payload = command.to_dict(tree)
        else:
            payload = await command.get_translated_payload(tree, tree.translator)
        described[_key(payload)] = _shape(payload, guild)
    return described


def _key(command: Mapping[str, object]) -> tuple[str, str]:
    kind = getattr(command.get("type", 1), "value", command.get("type", 1))
    return str(kind), str(command["name"])


def _shape(command: Mapping[str, object], guild: discord.Object | None) -> object:
    """The visible properties of a command, without ids, versions and defaults."""
    left_out = _IGNORED if guild is None else _IGNORED | _GLOBAL_ONLY
    kept = {key: value for key, value in command.items() if key not in left_out}
    permissions = kept.get("default_member_permissions")
    kept["default_member_permissions"] = None if permissions is None else str(permissions)
    return _plain(kept)


def _plain(part: object) -> object:
    match part:
        case dict():
            shapes = {key: _plain(value) for key, value in part.items()}
            return {
                # A bound of 0 must be kept, and 0 == False in Python.
                key: shape
                for key, shape in shapes.items()
                if shape not in (None, "", [], {}) and shape is not False
            }
        case list() | tuple():
            plain = [_plain(value) for value in part]
            # Contexts and channel types are sets to Discord: their order is not kept.
            are_numbers = all(isinstance(value, int) for value in plain)
            return sorted(plain, key=str) if are_numbers else plain
        case _:
            # discord.py's enums do not derive from enum.Enum.
            return getattr(part, "value", part)
