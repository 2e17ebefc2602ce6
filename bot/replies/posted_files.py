"""Download of results from their Discord messages, once they are no longer stored locally."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from urllib.parse import urlsplit

import discord
from discord.http import Route

from bot.network import NETWORK_ERRORS
from generation.media import imaging
from generation.media.decoding import decode
from generation.record import Generation, Output

_BUTTON = re.compile(r"g:(?P<id>[a-z0-9]{1,32}):")

_RESULT_FILE = re.compile(r"(?:SPOILER_)?limner-([a-z0-9]{1,32})-(?:[0-9]{1,3}|grid)\.[a-z0-9]+")


FILE_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""https://docs.discord.com/developers/reference#signed-attachment-cdn-urls"""


COPY_TIMEOUT_S = 60.0
"""Seconds for the download of one result."""

COPY_BYTES = 100 * 1024 * 1024
"""Bytes of the largest file that any guild accepts."""

_LINK = re.compile(r"https://discord\.com/channels/(?:[0-9]+|@me)/([0-9]+)/([0-9]+)")

_log = logging.getLogger(__name__)


class PostedFiles:
    """Finds posted results in the interaction's message, or in the recorded one."""

    def __init__(self, client: discord.Client, message: discord.Message | None = None) -> None:
        self._client = client
        self._message = message

    async def fetch(self, generation: Generation, output: Output) -> bytes | None:
        """Download a result as it was posted; None when no message has it any more."""
        async for message in self._messages(generation):
            content = await _fetch_from(message.attachments, generation, output)
            if content is not None:
                return content
        return None

    async def _messages(self, generation: Generation) -> AsyncGenerator[discord.Message]:
        if self._message is not None:
            yield self._message
        place = parse_link(generation.message_url)
        if place is None or (self._message is not None and self._message.id == place[1]):
            return
        try:
            async with asyncio.timeout(COPY_TIMEOUT_S):
                channel = self._client.get_partial_messageable(place[0])
                posted = await channel.fetch_message(place[1])
        except (discord.HTTPException, *NETWORK_ERRORS) as error:
            _log.info("The message of %s is out of reach (%s).", generation.id, error)
            return
        yield posted


def parse_link(link: str | None) -> tuple[int, int] | None:
    """Parse a message link into channel id and message id."""
    match = _LINK.fullmatch(link or "")
    return (int(match[1]), int(match[2])) if match else None


def result_name(generation_id: str, position: int) -> re.Pattern[str]:
    """Pattern of a result's file name, as spoiler or not."""
    return re.compile(rf"(?:SPOILER_)?limner-{generation_id}-{position + 1}\.[a-z0-9]+")


def grid_name(generation_id: str) -> re.Pattern[str]:
    """Pattern of a grid's file name, as spoiler or not."""
    return re.compile(rf"(?:SPOILER_)?limner-{generation_id}-grid\.[a-z0-9]+")


async def _fetch_from(
    attachments: Iterable[discord.Attachment], generation: Generation, output: Output
) -> bytes | None:
    alone, in_grid = result_name(generation.id, output.position), grid_name(generation.id)
    for attachment in attachments:
        if alone.fullmatch(attachment.filename):
            return await _download(attachment)
        if in_grid.fullmatch(attachment.filename):
            grid = await _download(attachment)
            if grid is None:
                return None
            return await decode(imaging.quarter, grid, output.position)
    return None


async def _download(attachment: discord.Attachment) -> bytes | None:
    if not is_kept_by_discord(attachment.url) or attachment.size > COPY_BYTES:
        return None
    try:
        async with asyncio.timeout(COPY_TIMEOUT_S):
            return await attachment.read()
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        _log.info("A posted result cannot be fetched (%s).", type(error).__name__)
        return None


def attachment_hosts() -> frozenset[str]:
    """Hosts from which attachments may be downloaded: Discord's, or the stand-in's."""
    return FILE_HOSTS | {urlsplit(Route.BASE).netloc}


def is_kept_by_discord(url: str) -> bool:
    """Whether a URL is on one of Discord's attachment hosts."""
    return urlsplit(url).netloc in attachment_hosts()


def generation_ids(message: discord.Message) -> Iterator[str]:
    """Ids of the generations named by a message's buttons and file names."""
    for row in message.components:
        for part in getattr(row, "children", ()):
            match = _BUTTON.match(getattr(part, "custom_id", None) or "")
            if match is not None:
                yield match["id"]
    for attachment in message.attachments:
        match = _RESULT_FILE.fullmatch(attachment.filename)
        if match is not None:
            yield match[1]
