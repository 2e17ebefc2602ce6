"""Logging in to Discord, once or until it succeeds."""

import asyncio
import logging

import discord

from bot.core import StartupError
from bot.network import NETWORK_ERRORS, growing_pauses

LOGIN_IMPOSSIBLE = (
    "DISCORD_TOKEN is not set. Make a bot at https://discord.com/developers/applications, copy "
    "its token from the Bot page into the file .env, and start again. `limner demo` needs none."
)

LOGIN_REFUSED = (
    "Discord refuses this DISCORD_TOKEN. Press Reset Token on your application's Bot page, copy "
    "the new token into the file .env, and start again."
)

_log = logging.getLogger(__name__)


class DiscordUnreachable(StartupError):
    """Discord cannot be reached at the moment; a later attempt may succeed."""


async def log_in(client: discord.Client, token: str) -> None:
    """Check the token with Discord. Raises StartupError, including DiscordUnreachable."""
    try:
        await client.login(token)
    except discord.LoginFailure:
        raise StartupError(LOGIN_REFUSED) from None
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise DiscordUnreachable(
            f"Discord cannot be reached just now ({type(error).__name__}). Check the network of "
            "this machine and https://discordstatus.com."
        ) from error


async def log_in_with_retries(client: discord.Client, token: str) -> None:
    """Log in, retrying while Discord cannot be reached. Raises StartupError."""
    for pause_s in growing_pauses():
        try:
            await log_in(client, token)
        except DiscordUnreachable as error:
            _log.warning("%s Another attempt follows in %g s.", error, pause_s)
        else:
            return
        # discord.py opens another HTTP session with each attempt.
        await client.http.close()
        await asyncio.sleep(pause_s)
