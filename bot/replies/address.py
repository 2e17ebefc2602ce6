"""Address of a reply, stored with its generation so that it can be edited after a restart."""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import discord

from bot.i18n.language import ENGLISH
from bot.ui.responses import acknowledge
from generation.people.preferences import Defaults

DEFAULT_SIZE_LIMIT = 10 * 1024 * 1024
"""Bytes a file may have in a guild without boosts: Discord's limit since January 2025."""

TOKEN_MARGIN = timedelta(minutes=1)
"""Margin before the token's expiry after 15 minutes: clocks differ, and uploads take time."""


@dataclass(frozen=True, slots=True)
class ReplyAddress:
    """Address of a reply: the interaction's token until it expires, then channel and message id.

    A person whose request took longer than `call_after_s` is notified by a mention below the reply
    or in a direct message.
    """

    application_id: int
    token: str = field(repr=False)
    expires_at: float
    guild_id: int | None
    channel_id: int | None
    message_id: int
    is_private: bool
    size_limit: int = DEFAULT_SIZE_LIMIT
    locale: str = ENGLISH
    call_after_s: int | None = None
    calls_directly: bool = False

    def is_token_alive(self, now: datetime) -> bool:
        """Return whether the interaction token can still be used."""
        return now.timestamp() < self.expires_at - TOKEN_MARGIN.total_seconds()

    @property
    def message_url(self) -> str | None:
        """Link to the message; None for an ephemeral one."""
        if self.channel_id is None or self.is_private:
            return None
        place = self.guild_id or "@me"
        return f"https://discord.com/channels/{place}/{self.channel_id}/{self.message_id}"


async def open_reply(interaction: discord.Interaction, defaults: Defaults, *, private: bool) -> str:
    """Acknowledge with a deferred message; return its address for storage with a generation."""
    waiting = await acknowledge(interaction, private=private)
    message_id = waiting.id or (await interaction.original_response()).id
    address = ReplyAddress(
        application_id=interaction.application_id,
        token=interaction.token,
        expires_at=interaction.expires_at.astimezone(UTC).timestamp(),
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        message_id=message_id,
        # Discord makes the message ephemeral by itself where a user-installed app may not post in
        # public, so the flag of its answer counts, not the one that was requested.
        is_private=private or waiting.is_ephemeral,
        size_limit=interaction.filesize_limit,
        locale=str(interaction.locale),
        call_after_s=defaults.call_after_s,
        calls_directly=defaults.calls_directly,
    )
    return json.dumps(asdict(address))


def parse_reply(reply: str) -> ReplyAddress | None:
    """Parse a stored address; None if it is missing or of an unknown form."""
    try:
        return ReplyAddress(**json.loads(reply))
    except (ValueError, TypeError):
        return None
