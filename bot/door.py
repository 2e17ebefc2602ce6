"""The one way out for replies: by the interaction's token while it lives, then by message id.

Only REST is used, so a process without a gateway connection can tell people as well.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

import discord

from bot.address import DEFAULT_SIZE_LIMIT, ReplyAddress
from bot.delivery import Attachment
from bot.network import NETWORK_ERRORS

# Discord's error codes, https://docs.discord.com/developers/topics/opcodes-and-status-codes
UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
INVALID_WEBHOOK_TOKEN = 50027

UNAUTHORIZED = 401
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
NO_PINGS = discord.AllowedMentions.none()

_log = logging.getLogger(__name__)


class Gone(Exception):
    """The message, or the way to its person, is not there any more."""


class Unreachable(Exception):
    """Discord cannot be reached just now."""


class _BeyondReach(Gone):
    """The message cannot be reached by its id; a direct message may still get through."""


class _TokenDead(Exception):
    """The interaction's token cannot be used."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as it should look; its files replace those it has."""

    content: str
    embed: discord.Embed | None
    view: discord.ui.View | None
    files: Sequence[Attachment] = field(default=())


class Door:
    """Edits and sends. Every method raises Gone or Unreachable, and nothing of the library."""

    def __init__(self, client: discord.Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    def size_limit(self, address: ReplyAddress) -> int:
        """Bytes a file may have: the interaction's own limit goes with its token."""
        if address.is_token_alive(self._now()):
            return address.size_limit
        guild = self._client.get_guild(address.guild_id) if address.guild_id else None
        return guild.filesize_limit if guild is not None else DEFAULT_SIZE_LIMIT

    async def edit(self, address: ReplyAddress, draft: Draft) -> str | None:
        """Make the reply look like this; a link to it, where there can be one."""
        if address.is_token_alive(self._now()):
            with suppress(_TokenDead):
                return await self._edit_by_token(address, draft)
        return await self._edit_by_id(address, draft)

    async def finish(
        self, address: ReplyAddress, user_id: int, drafts: Sequence[Draft]
    ) -> str | None:
        """Show the end in the reply, the rest below it; beyond reach, in a direct message.

        A link to where the first of them is.
        """
        first, *more = drafts
        try:
            link = await self.edit(address, first)
        except _BeyondReach:
            return await self._send_privately(user_id, address, drafts)
        for number, draft in enumerate(more, start=1):
            await self._follow(address, draft, number)
        return link

    async def _edit_by_token(self, address: ReplyAddress, draft: Draft) -> str | None:
        with _translated(by_token=True):
            await self._webhook(address).edit_message(
                address.message_id,
                content=draft.content,
                embed=draft.embed,
                view=draft.view,
                attachments=[file.to_file() for file in draft.files],
                allowed_mentions=NO_PINGS,
            )
        return address.message_url

    async def _edit_by_id(self, address: ReplyAddress, draft: Draft) -> str | None:
        if address.is_private or address.channel_id is None:
            raise _BeyondReach
        channel = self._client.get_partial_messageable(address.channel_id)
        with _translated(by_token=False):
            await channel.get_partial_message(address.message_id).edit(
                content=draft.content,
                embed=draft.embed,
                view=draft.view,
                attachments=[file.to_file() for file in draft.files],
                allowed_mentions=NO_PINGS,
            )
        return address.message_url

    async def _follow(self, address: ReplyAddress, draft: Draft, number: int) -> None:
        if address.is_token_alive(self._now()):
            with suppress(_TokenDead), _translated(by_token=True):
                await self._webhook(address).send(
                    draft.content,
                    files=[file.to_file() for file in draft.files],
                    ephemeral=address.is_private,
                    allowed_mentions=NO_PINGS,
                )
                return
        if address.channel_id is None or address.is_private:
            return
        channel = self._client.get_partial_messageable(address.channel_id)
        with _translated(by_token=False):
            await channel.send(
                draft.content,
                files=[file.to_file() for file in draft.files],
                allowed_mentions=NO_PINGS,
                # The same number is not posted twice within some minutes, whatever is repeated.
                nonce=f"{address.message_id}-{number}",
            )

    async def _send_privately(
        self, user_id: int, address: ReplyAddress, drafts: Sequence[Draft]
    ) -> str | None:
        link = None
        try:
            with _translated(by_token=False):
                channel = await self._client.create_dm(discord.Object(user_id))
                for number, draft in enumerate(drafts):
                    message = await channel.send(
                        draft.content,
                        embeds=[draft.embed] if draft.embed else [],
                        view=draft.view or discord.utils.MISSING,
                        files=[file.to_file() for file in draft.files],
                        allowed_mentions=NO_PINGS,
                        nonce=f"{address.message_id}-{number}",
                    )
                    link = link or message.jump_url
        except _BeyondReach as error:
            raise Gone("Neither the reply nor its person can be reached.") from error
        return link

    def _webhook(self, address: ReplyAddress) -> discord.Webhook:
        return discord.Webhook.partial(address.application_id, address.token, client=self._client)


@contextmanager
def _translated(*, by_token: bool) -> Iterator[None]:
    """Turn the library's and the network's errors into ours."""
    try:
        yield
    except discord.HTTPException as error:
        raise _meaning(error, by_token=by_token) from error
    except (discord.RateLimited, *NETWORK_ERRORS) as error:
        raise Unreachable(f"Discord cannot be reached ({type(error).__name__}).") from error


def _meaning(error: discord.HTTPException, *, by_token: bool) -> Exception:
    if error.code == UNKNOWN_MESSAGE:
        return Gone("The message was deleted.")
    if error.status >= SERVER_ERROR or error.status == TOO_MANY_REQUESTS:
        return Unreachable(f"Discord answers with status {error.status}.")
    if by_token and (
        error.status == UNAUTHORIZED or error.code in (UNKNOWN_WEBHOOK, INVALID_WEBHOOK_TOKEN)
    ):
        return _TokenDead()
    return _BeyondReach(f"Discord refuses with status {error.status}, code {error.code}.")
