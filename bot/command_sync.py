"""Registration of the bot's commands with Discord, of differences only, in every language."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

import discord
from discord import app_commands
from discord.http import Route

from bot.i18n.language import languages, read_languages, translate

Tree = app_commands.CommandTree[Any]
Guild = discord.Object | None
"""A guild, or None for commands of all guilds."""

_log = logging.getLogger(__name__)

_IGNORED = frozenset(
    {"id", "application_id", "guild_id", "version", "handler"}
    # Deprecated by Discord in favor of `contexts`.
    | {"dm_permission"}
)

_GLOBAL_ONLY = frozenset({"contexts", "integration_types"})


async def sync_commands(client: discord.Client, tree: Tree, guild: Guild) -> dict[str, int]:
    """Register a tree's commands, for a guild or globally, if Discord has others; return their ids.

    `CommandTree.sync` would register them even if they are the same, and creations are limited;
    `CommandTree.fetch_commands` loses localizations, which Discord sends on request only:
    https://docs.discord.com/developers/interactions/application-commands#get-global-application-commands
    """
    scope = "" if guild is None else f"/guilds/{guild.id}"
    path = f"/applications/{client.application_id}{scope}/commands"
    await asyncio.to_thread(read_languages)
    ours = describe_commands(tree, guild)
    commands = await client.http.request(Route("GET", path), params={"with_localizations": "true"})
    if _shapes(commands, guild) != _shapes(ours, guild):
        commands = await client.http.request(Route("PUT", path), json=ours)
        _log.info("%d commands were synced.", len(ours))
    return {command["name"]: int(command["id"]) for command in commands}


def describe_commands(tree: Tree, guild: Guild = None) -> list[dict[str, Any]]:
    """Describe a tree's commands as Discord takes them, localized into every language there is.

    Names stay, so that people of all languages can tell each other what to type; those of context
    menu entries and choices are localized.
    """
    described = [command.to_dict(tree) for command in tree.get_commands(guild=guild)]
    for command in described:
        _localize(command, "description" if "description" in command else "name")
    return described


def _localize(part: dict[str, Any], field: str) -> None:
    """Add the translations of a field, and of its nested parts."""
    part[f"{field}_localizations"] = _translations(part[field])
    for option in part.get("options", ()):
        _localize(option, "description")
    for choice in part.get("choices", ()):
        _localize(choice, "name")


@lru_cache(maxsize=4096)
def _translations(english: str) -> Mapping[str, str]:
    said = {locale: translate(english, locale) for locale in _locales()}
    return {locale: text for locale, text in said.items() if text != english}


@cache
def _locales() -> tuple[str, ...]:
    """Discord's locales of the languages there are, such as "es-ES" and "es-419" of "es"."""
    values = [locale.value for locale in discord.Locale]
    return tuple(one for one in values if {one, one.partition("-")[0]} & languages())


def _shapes(commands: Iterable[Mapping[str, Any]], guild: Guild) -> object:
    """Return the visible properties of commands, by type and name."""
    return {_key(command): _shape(command, guild) for command in commands}


def _key(command: Mapping[str, object]) -> tuple[str, str]:
    kind = getattr(command.get("type", 1), "value", command.get("type", 1))
    return str(kind), str(command["name"])


def _shape(command: Mapping[str, object], guild: Guild) -> object:
    """Return the visible properties of a command, without ids, versions and defaults."""
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
