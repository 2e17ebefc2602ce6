"""Download of results from their Discord messages, once they are no longer stored locally."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import discord
from discord.http import Route

from bot.network import NETWORK_ERRORS
from generation.media import imaging
from generation.media.decoding import decode
from generation.record import Generation, Output

PUBLIC, PANEL = "g", "gm"
"""Prefixes of the custom ids of buttons below a result, and in a private panel opened there."""

_BUTTON = re.compile(rf"(?P<place>{PUBLIC}|{PANEL}):(?P<id>[a-z0-9]{{1,32}}):")

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
        """Download a result as it was posted; None if no message has it any more."""
        async for message in self._messages(generation):
            content = await _fetch_from(files_of(message), generation, output)
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
    """Return the pattern of a result's file name, with or without spoiler."""
    return re.compile(rf"(?:SPOILER_)?limner-{generation_id}-{position + 1}\.[a-z0-9]+")


def grid_name(generation_id: str) -> re.Pattern[str]:
    """Return the pattern of a grid's file name, with or without spoiler."""
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
            count = len(generation.outputs)
            return await decode(imaging.cut_from_grid, grid, output.position, count)
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
    """Return the hosts of attachments: Discord's, or the stand-in's."""
    return FILE_HOSTS | {urlsplit(Route.BASE).netloc}


def is_kept_by_discord(url: str) -> bool:
    """Return whether a URL is on one of Discord's attachment hosts."""
    return urlsplit(url).netloc in attachment_hosts()


def generation_ids(message: discord.Message) -> Iterator[str]:
    """Return the generations named by a message's buttons and file names."""
    for match in _buttons(message):
        yield match["id"]
    for attachment in files_of(message):
        named = _RESULT_FILE.fullmatch(attachment.filename)
        if named is not None:
            yield named[1]


def is_panel(message: discord.Message | None) -> bool:
    """Return whether the message is a private panel opened from a public result."""
    matches = _buttons(message) if message is not None else ()
    return any(match["place"] == PANEL for match in matches)


def files_of(message: discord.Message) -> list[discord.Attachment]:
    """Return a message's files: its attachments, and those in its components.

    Discord leaves the files that components show out of the attachments, and omits the size of
    pictures there: https://github.com/discord/discord-api-docs/issues/8277. Their size is 0.
    """
    files = list(message.attachments)
    for part in walk_components(message.components):
        for shown in (part, *getattr(part, "items", ())):
            media = getattr(shown, "media", None)
            if isinstance(media, discord.UnfurledMediaItem) and media.attachment_id is not None:
                files.append(_attachment(message, shown, media))
    # A file in a component may stand among the attachments as well.
    unique = {file.id: file for file in files}
    return list(unique.values())


def texts_of(message: discord.Message) -> list[str]:
    """Return the texts of a message's components."""
    return [
        part.content
        for part in walk_components(message.components)
        if isinstance(part, discord.TextDisplay)
    ]


def _attachment(
    message: discord.Message, shown: object, media: discord.UnfurledMediaItem
) -> discord.Attachment:
    data: Any = {
        "id": media.attachment_id,
        "filename": unquote(urlsplit(media.url).path.rpartition("/")[2]),
        "size": getattr(shown, "size", None) or 0,
        "url": media.url,
        "proxy_url": media.proxy_url or media.url,
        "content_type": media.content_type,
        "width": media.width,
        "height": media.height,
        "description": getattr(shown, "description", None),
    }
    return discord.Attachment(data=data, state=message._state)  # noqa: SLF001 - as discord.py does


def _buttons(message: discord.Message) -> Iterator[re.Match[str]]:
    for part in walk_components(message.components):
        match = _BUTTON.match(getattr(part, "custom_id", None) or "")
        if match is not None:
            yield match


def walk_components(components: Iterable[Any]) -> Iterator[Any]:
    """Yield components and those nested in them."""
    for component in components:
        yield component
        yield from walk_components(getattr(component, "children", ()))
        accessory = getattr(component, "accessory", None)
        if accessory is not None:
            yield accessory
