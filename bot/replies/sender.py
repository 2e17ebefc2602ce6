"""The one way out for replies: by the interaction's token while it lives, then by message id.

Only REST is used, so a process without a gateway connection can tell people as well.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

import discord

from bot.i18n.language import _
from bot.network import NETWORK_ERRORS
from bot.replies.address import DEFAULT_SIZE_LIMIT, ReplyAddress
from bot.replies.packing import Attachment

# Discord's error codes, https://docs.discord.com/developers/topics/opcodes-and-status-codes
UNKNOWN_MESSAGE = 10008
FILE_TOO_LARGE = 40005

UNAUTHORIZED = 401
CONTENT_TOO_LARGE = 413
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500

NO_PINGS = discord.AllowedMentions.none()

REQUEST_TIMEOUT_S = 180.0
"""For one message: 24 MiB on a slow line, or a minute's wait for a rate limit."""

NONCE_CHARACTERS = 25
"""Discord's limit."""

REMEMBERED_POSTS = 1_000
"""Posts that are known not to be needed again when an end is told once more."""


class Gone(Exception):
    """The message, or the way to its person, is not there any more."""


class Unreachable(Exception):
    """Discord cannot be reached just now."""


class TooLarge(Exception):
    """Discord does not take so many bytes here."""


class _BeyondReach(Gone):
    """The message cannot be reached by its id; a direct message may still get through."""


class _TokenDead(Exception):
    """The interaction's token cannot be used."""


@dataclass(frozen=True, slots=True)
class ReplyContent:
    """A message as it should look; its files replace those it has."""

    content: str
    embed: discord.Embed | None
    view: discord.ui.View | None
    files: Sequence[Attachment] = field(default=())


class ReplySender:
    """Edits and sends.

    Every method raises Gone, Unreachable or TooLarge, and nothing of the library.
    """

    def __init__(self, client: discord.Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now
        self._posted: dict[str, None] = {}

    def is_by_token(self, address: ReplyAddress) -> bool:
        """Whether the interaction's token is used, which has a rate limit of its own."""
        return address.is_token_alive(self._now())

    def size_limit(self, address: ReplyAddress) -> int:
        """Bytes a file may have: the interaction's own limit goes with its token."""
        if self.is_by_token(address):
            return address.size_limit
        guild = self._client.get_guild(address.guild_id) if address.guild_id else None
        return guild.filesize_limit if guild is not None else DEFAULT_SIZE_LIMIT

    async def edit(self, address: ReplyAddress, draft: ReplyContent) -> str | None:
        """Make the reply look like this; a link to it, where there can be one."""
        if self.is_by_token(address):
            with suppress(_TokenDead):
                return await self._edit_by_token(address, draft)
        return await self._edit_by_id(address, draft)

    async def finish(
        self, address: ReplyAddress, user_id: int, drafts: Sequence[ReplyContent]
    ) -> str | None:
        """Show the end in the reply, the rest below it; beyond reach, in a direct message.

        A link to where the first of them is.
        """
        link = None
        for number, draft in enumerate(drafts):
            try:
                if number == 0:
                    link = await self.edit(address, draft)
                else:
                    await self._follow(address, draft)
            except _BeyondReach:
                private_link = await self._send_privately(user_id, address, drafts, number)
                return link or private_link
        return link

    async def post(self, channel_id: int, draft: ReplyContent, reason: str) -> int:
        """Send it to a channel, once for this reason within some minutes; the message's id."""
        nonce = hashlib.sha256(reason.encode()).hexdigest()[:NONCE_CHARACTERS]
        async with _translated(by_token=False):
            message = await self._client.get_partial_messageable(channel_id).send(
                draft.content,
                embeds=[draft.embed] if draft.embed else [],
                view=draft.view or discord.utils.MISSING,
                files=[file.to_file() for file in draft.files],
                allowed_mentions=NO_PINGS,
                nonce=nonce,
            )
        return message.id

    async def amend(
        self, channel_id: int, message_id: int, draft: ReplyContent, *, keeps_files: bool
    ) -> None:
        """Make a message that was posted look like this, with the files it has or without them."""
        files = [file.to_file() for file in draft.files]
        channel = self._client.get_partial_messageable(channel_id)
        async with _translated(by_token=False):
            await channel.get_partial_message(message_id).edit(
                content=draft.content,
                embed=draft.embed,
                view=draft.view,
                allowed_mentions=NO_PINGS,
                attachments=discord.utils.MISSING if keeps_files else files,
            )

    async def delete(self, channel_id: int, message_id: int) -> None:
        """Delete a message that was posted."""
        channel = self._client.get_partial_messageable(channel_id)
        async with _translated(by_token=False):
            await channel.get_partial_message(message_id).delete()

    async def _edit_by_token(self, address: ReplyAddress, draft: ReplyContent) -> str | None:
        async with _translated(by_token=True):
            await self._webhook(address).edit_message(
                address.message_id,
                content=draft.content,
                embed=draft.embed,
                view=draft.view,
                attachments=[file.to_file() for file in draft.files],
                allowed_mentions=NO_PINGS,
            )
        return address.message_url

    async def _edit_by_id(self, address: ReplyAddress, draft: ReplyContent) -> str | None:
        if address.is_private or address.channel_id is None:
            raise _BeyondReach
        channel = self._client.get_partial_messageable(address.channel_id)
        async with _translated(by_token=False):
            await channel.get_partial_message(address.message_id).edit(
                content=draft.content,
                embed=draft.embed,
                view=draft.view,
                attachments=[file.to_file() for file in draft.files],
                allowed_mentions=NO_PINGS,
            )
        return address.message_url

    async def _follow(self, address: ReplyAddress, draft: ReplyContent) -> None:
        """Post below the reply. What was posted is not posted again when all is repeated.

        Only a post by the bot itself can carry a nonce, by which Discord knows it again after a
        restart; a token is the way where the bot itself may not speak.
        """
        nonce = _nonce("below", address, draft)
        if nonce in self._posted:
            return
        try:
            await self._follow_by_id(address, draft, nonce)
        except _BeyondReach:
            if not self.is_by_token(address):
                raise
            try:
                await self._follow_by_token(address, draft)
            except _TokenDead as error:
                raise _BeyondReach("Neither way below the reply is open.") from error
        self._posted[nonce] = None
        if len(self._posted) > REMEMBERED_POSTS:
            del self._posted[next(iter(self._posted))]

    async def _follow_by_token(self, address: ReplyAddress, draft: ReplyContent) -> None:
        async with _translated(by_token=True):
            await self._webhook(address).send(
                draft.content,
                files=[file.to_file() for file in draft.files],
                ephemeral=address.is_private,
                allowed_mentions=NO_PINGS,
            )

    async def _follow_by_id(self, address: ReplyAddress, draft: ReplyContent, nonce: str) -> None:
        if address.channel_id is None or address.is_private:
            raise _BeyondReach
        channel = self._client.get_partial_messageable(address.channel_id)
        async with _translated(by_token=False):
            await channel.send(
                draft.content,
                files=[file.to_file() for file in draft.files],
                allowed_mentions=NO_PINGS,
                nonce=nonce,
            )

    async def _send_privately(
        self, user_id: int, address: ReplyAddress, drafts: Sequence[ReplyContent], first: int
    ) -> str | None:
        """Send the drafts from this one on as direct messages; a link to the first of them."""
        link = None
        try:
            async with _translated(by_token=False):
                channel = await self._client.create_dm(discord.Object(user_id))
            for draft in drafts[first:]:
                text = draft.content
                if link is None:
                    text += "\n" + _("Its own message is out of my reach by now, so here it is.")
                async with _translated(by_token=False):
                    message = await channel.send(
                        text,
                        embeds=[draft.embed] if draft.embed else [],
                        view=draft.view or discord.utils.MISSING,
                        files=[file.to_file() for file in draft.files],
                        allowed_mentions=NO_PINGS,
                        nonce=_nonce("private", address, draft),
                    )
                link = link or message.jump_url
        except _BeyondReach as error:
            raise Gone("Neither the reply nor its person can be reached.") from error
        return link

    def _webhook(self, address: ReplyAddress) -> discord.Webhook:
        webhook = discord.Webhook.partial(
            address.application_id, address.token, client=self._client
        )
        # Only of this type the library believes that it can post in private.
        webhook.type = discord.WebhookType.application
        return webhook


def _nonce(place: str, address: ReplyAddress, draft: ReplyContent) -> str:
    """What Discord does not post twice within some minutes: these files, of this reply, there."""
    names = " ".join(file.filename for file in draft.files)
    marked = f"{place} {address.message_id} {names}"
    return hashlib.sha256(marked.encode()).hexdigest()[:NONCE_CHARACTERS]


@asynccontextmanager
async def _translated(*, by_token: bool) -> AsyncGenerator[None]:
    """Turn the library's and the network's errors into ours."""
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
    if error.status >= SERVER_ERROR or error.status == TOO_MANY_REQUESTS:
        return Unreachable(f"Discord answers with status {error.status}.")
    if error.status == CONTENT_TOO_LARGE or error.code == FILE_TOO_LARGE:
        return TooLarge("Discord does not take so many bytes.")
    if by_token:
        # Whatever is wrong with this way, the other one may work.
        return _TokenDead()
    if error.status == UNAUTHORIZED:
        return Unreachable("Discord does not know the bot's token any more.")
    return _BeyondReach(f"Discord refuses with status {error.status}, code {error.code}.")
