"""Sending and editing of replies: by the interaction's token until it expires, then by message id.

Only REST is used, so a process without a gateway connection can deliver results as well.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import discord
from cachetools import FIFOCache

from bot.i18n.language import ENGLISH, _
from bot.network import NETWORK_ERRORS, is_outage
from bot.replies.address import DEFAULT_SIZE_LIMIT, ReplyAddress
from bot.replies.packing import Attachment

# Discord's error codes, https://docs.discord.com/developers/topics/opcodes-and-status-codes
UNKNOWN_MESSAGE = 10008
FILE_TOO_LARGE = 40005
INVALID_FORM = 50035

UNAUTHORIZED = 401
CONTENT_TOO_LARGE = 413

_log = logging.getLogger(__name__)

NO_PINGS = discord.AllowedMentions.none()

REQUEST_TIMEOUT_S = 180.0
"""Seconds for one message: 24 MiB on a slow line, or a minute's wait for a rate limit."""

NONCE_CHARACTERS = 25
"""Discord's limit for a nonce."""

REMEMBERED_POSTS = 1_000
"""Nonces of sent messages, remembered so that a repeated delivery does not send them again."""


class Gone(Exception):
    """The message was deleted, or its person cannot be reached."""


class Unreachable(Exception):
    """Discord cannot be reached at the moment."""


class TooLarge(Exception):
    """The files exceed Discord's size limit."""


class _BeyondReach(Gone):
    """The message cannot be reached by its id; a direct message may still arrive."""


class Invalid(Gone):
    """Discord refuses the message itself."""


class _TokenDead(Exception):
    """The interaction's token is expired or invalid."""


@dataclass(frozen=True, slots=True)
class ReplyContent:
    """A message of layout components; its files replace those of the message.

    It pings nobody but the person of `pinged_id`.
    """

    view: discord.ui.LayoutView
    files: Sequence[Attachment] = field(default=())
    pinged_id: int | None = None

    def edit(self, *, keeps_files: bool = False) -> dict[str, Any]:
        """Return the arguments of an edit; an older message loses its content and embeds."""
        parts: dict[str, Any] = {"content": None, "embeds": [], **self.parts()}
        if not keeps_files:
            parts["attachments"] = [file.to_file() for file in self.files]
        return parts

    def send(self) -> dict[str, Any]:
        """Return the arguments of a new message."""
        return {**self.parts(), "files": [file.to_file() for file in self.files]}

    def parts(self) -> dict[str, Any]:
        """Return the arguments of both, without the files."""
        pings = NO_PINGS
        if self.pinged_id is not None:
            person = discord.Object(self.pinged_id)
            pings = discord.AllowedMentions(everyone=False, roles=False, users=[person])
        return {"view": self.view, "allowed_mentions": pings}


class ReplySender:
    """Sends and edits replies.

    Methods raise Gone, Unreachable or TooLarge instead of discord.py's errors.
    """

    def __init__(self, client: discord.Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._posted = FIFOCache[str, None](REMEMBERED_POSTS)

    def is_by_token(self, address: ReplyAddress) -> bool:
        """Return whether the interaction's token is used, which has its own rate limit."""
        return address.is_token_alive(self._now())

    def size_limit(self, address: ReplyAddress) -> int:
        """Return the largest file in bytes: the interaction's limit by token, else the guild's."""
        if self.is_by_token(address):
            return address.size_limit
        guild = self._client.get_guild(address.guild_id) if address.guild_id else None
        return guild.filesize_limit if guild is not None else DEFAULT_SIZE_LIMIT

    async def guild_locale(self, guild_id: int | None) -> str:
        """Return the language of a guild; English if Discord does not tell."""
        if guild_id is None:
            return ENGLISH
        guild = self._client.get_guild(guild_id)
        if guild is None:
            # A process without a gateway connection knows no guilds.
            with suppress(Gone, Unreachable):
                async with _translated(by_token=False):
                    guild = await self._client.fetch_guild(guild_id, with_counts=False)
        return str(guild.preferred_locale) if guild is not None else ENGLISH

    async def edit(self, address: ReplyAddress, draft: ReplyContent) -> str | None:
        """Edit the reply; return a link to it, or None for an ephemeral one.

        Raises Invalid if Discord refuses the content.
        """
        if self.is_by_token(address):
            with suppress(_TokenDead):
                return await self._edit_by_token(address, draft)
        return await self._edit_by_id(address, draft)

    async def finish(
        self,
        address: ReplyAddress,
        user_id: int,
        drafts: Sequence[ReplyContent],
        tellings: int = 0,
    ) -> str | None:
        """Edit the reply to show the first content, and post the others below it.

        With the same `tellings` those are posted once, however often this is repeated. Contents
        that cannot be delivered there become direct messages. Return a link to the first.
        """
        link = None
        for number, draft in enumerate(drafts):
            try:
                if number == 0:
                    link = await self._edit_or_replace(address, draft)
                else:
                    await self._follow(address, draft, tellings)
            except _BeyondReach:
                private_link = await self._send_privately(user_id, address, drafts, number)
                return link or private_link
        return link

    async def _edit_or_replace(self, address: ReplyAddress, draft: ReplyContent) -> str | None:
        """Edit the reply, or post a new one if Discord refuses the edit; return a link to it.

        Discord has refused edits that bring a new file into a gallery, although it accepts the same
        as a new message: https://github.com/discord/discord-api-docs/issues/7529.
        """
        try:
            return await self.edit(address, draft)
        except Invalid:
            if not draft.files or address.is_private or address.channel_id is None:
                raise
            link = await self._follow_by_id(address, draft, _nonce("instead", address, draft))
            with suppress(Gone, Unreachable):
                await self.delete(address.channel_id, address.message_id)
            return link

    async def call(self, address: ReplyAddress, user_id: int, draft: ReplyContent) -> None:
        """Post below the reply; in a direct message if nobody sees that, or if preferred."""
        nonce = _nonce("call", address, draft)
        if not address.calls_directly:
            try:
                await self._follow_by_id(address, draft, nonce)
            except _BeyondReach:
                _log.debug("Nothing can be posted below %s.", address.message_id)
            else:
                return
        async with _translated(by_token=False):
            channel = await self._client.create_dm(discord.Object(user_id))
            await channel.send(**draft.send(), nonce=nonce)

    async def post(self, channel_id: int, draft: ReplyContent, reason: str) -> int:
        """Send to a channel and return the message's id.

        Repetitions with the same `reason` within some minutes return the existing message.
        """
        nonce = hashlib.sha256(reason.encode()).hexdigest()[:NONCE_CHARACTERS]
        async with _translated(by_token=False):
            channel = self._client.get_partial_messageable(channel_id)
            # discord.py sets enforce_nonce: Discord returns an existing message with this nonce.
            message: discord.Message = await channel.send(**draft.send(), nonce=nonce)
        return message.id

    async def fetch(self, channel_id: int, message_id: int) -> discord.Message:
        """Fetch a message sent by `post`."""
        async with _translated(by_token=False):
            return await self._client.get_partial_messageable(channel_id).fetch_message(message_id)

    async def amend(
        self, channel_id: int, message_id: int, draft: ReplyContent, *, keeps_files: bool
    ) -> None:
        """Edit a message sent by `post`, keeping or replacing its files."""
        channel = self._client.get_partial_messageable(channel_id)
        async with _translated(by_token=False):
            message = channel.get_partial_message(message_id)
            await message.edit(**draft.edit(keeps_files=keeps_files))

    async def delete(self, channel_id: int, message_id: int) -> None:
        """Delete a message sent by `post`."""
        channel = self._client.get_partial_messageable(channel_id)
        async with _translated(by_token=False):
            await channel.get_partial_message(message_id).delete()

    async def _edit_by_token(self, address: ReplyAddress, draft: ReplyContent) -> str | None:
        async with _translated(by_token=True):
            await self._webhook(address).edit_message(address.message_id, **draft.edit())
        return address.message_url

    async def _edit_by_id(self, address: ReplyAddress, draft: ReplyContent) -> str | None:
        if address.is_private or address.channel_id is None:
            raise _BeyondReach
        channel = self._client.get_partial_messageable(address.channel_id)
        async with _translated(by_token=False):
            await channel.get_partial_message(address.message_id).edit(**draft.edit())
        return address.message_url

    async def _follow(self, address: ReplyAddress, draft: ReplyContent, tellings: int) -> None:
        """Post below the reply, once even if the delivery is repeated.

        Messages sent with the bot's own token come first, because only they can carry a nonce that
        Discord deduplicates after a restart; the interaction's token is for channels where the bot
        itself may not post.
        """
        nonce = _nonce(f"below {tellings}", address, draft)
        if nonce in self._posted:
            return
        try:
            await self._follow_by_id(address, draft, nonce)
        except _BeyondReach:
            if not self.is_by_token(address):
                raise
            try:
                async with _translated(by_token=True):
                    await self._webhook(address).send(**draft.send(), ephemeral=address.is_private)
            except _TokenDead as error:
                raise _BeyondReach("Neither way below the reply is open.") from error
        self._posted[nonce] = None

    async def _follow_by_id(self, address: ReplyAddress, draft: ReplyContent, nonce: str) -> str:
        if address.channel_id is None or address.is_private:
            raise _BeyondReach
        channel = self._client.get_partial_messageable(address.channel_id)
        async with _translated(by_token=False):
            message: discord.Message = await channel.send(**draft.send(), nonce=nonce)
        return message.jump_url

    async def _send_privately(
        self, user_id: int, address: ReplyAddress, drafts: Sequence[ReplyContent], first: int
    ) -> str | None:
        """Send the contents from `first` on as direct messages; return a link to them."""
        link = None
        try:
            async with _translated(by_token=False):
                channel = await self._client.create_dm(discord.Object(user_id))
            for draft in drafts[first:]:
                if link is None:
                    note = _("I can't reach the original message any more, so here it is.")
                    draft.view.add_item(discord.ui.TextDisplay(f"-# {note}"))
                nonce = _nonce("private", address, draft)
                async with _translated(by_token=False):
                    message: discord.Message = await channel.send(**draft.send(), nonce=nonce)
                link = link or message.jump_url
        except _BeyondReach as error:
            raise Gone("Neither the reply nor its person can be reached.") from error
        return link

    def _webhook(self, address: ReplyAddress) -> discord.Webhook:
        webhook = discord.Webhook.partial(
            address.application_id, address.token, client=self._client
        )
        # discord.py refuses `ephemeral` for webhooks of any other type.
        webhook.type = discord.WebhookType.application
        return webhook


def _nonce(place: str, address: ReplyAddress, draft: ReplyContent) -> str:
    """Return a nonce by which Discord drops repetitions of these files for some minutes."""
    names = " ".join(file.filename for file in draft.files)
    marked = f"{place} {address.message_id} {names}"
    return hashlib.sha256(marked.encode()).hexdigest()[:NONCE_CHARACTERS]


@asynccontextmanager
async def _translated(*, by_token: bool) -> AsyncGenerator[None]:
    """Translate discord.py's and the network's errors into those of this module."""
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            yield
    except discord.HTTPException as error:
        raise _meaning(error, by_token=by_token) from error
    except (discord.RateLimited, *NETWORK_ERRORS) as error:
        raise Unreachable(f"Discord cannot be reached ({type(error).__name__}).") from error


def _meaning(error: discord.HTTPException, *, by_token: bool) -> Exception:
    if error.code == UNKNOWN_MESSAGE:
        return Gone("The message was deleted.")
    if is_outage(error):
        return Unreachable(f"Discord answers with status {error.status}.")
    if error.status == CONTENT_TOO_LARGE or error.code == FILE_TOO_LARGE:
        return TooLarge("Discord does not take so many bytes.")
    if by_token or error.code == INVALID_FORM:
        # Editing by message id may work even if the token is invalid.
        return Invalid(error.text) if error.code == INVALID_FORM else _TokenDead()
    if error.status == UNAUTHORIZED:
        return Unreachable("Discord does not know the bot's token any more.")
    return _BeyondReach(f"Discord refuses with status {error.status}, code {error.code}.")
