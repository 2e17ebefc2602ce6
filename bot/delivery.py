"""Results made to fit Discord's limits: how many files, how large, in how many messages."""

import asyncio
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import discord

from bot.text import mebibytes
from generation import imaging
from generation.record import Generation, OutputContent

FILES_A_MESSAGE = 10
"""Discord's limit."""

BYTES_A_MESSAGE = 24 * 1024 * 1024
"""Discord's documents still name 25 MiB for a whole request; the rest is for its other parts."""

ALT_TEXT_CHARACTERS = 1024
"""Discord's limit for a file's description."""

SHOWN_TEXT_CHARACTERS = 1_000
"""Of a text result, in the message itself; a longer one is a file."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file, ready to be sent any number of times."""

    filename: str
    content: bytes = field(repr=False)
    description: str
    spoiler: bool

    def to_file(self) -> discord.File:
        """A new file object: each can be sent only once."""
        return discord.File(
            io.BytesIO(self.content),
            filename=self.filename,
            description=self.description,
            spoiler=self.spoiler,
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """Everything to be sent: messages of files, notes for people, and what has an original.

    `reduced` are the positions of results that were made smaller than they are.
    """

    messages: tuple[tuple[Attachment, ...], ...]
    notes: tuple[str, ...]
    reduced: tuple[int, ...]


async def pack(
    generation: Generation, contents: Sequence[OutputContent], size_limit: int
) -> Parcel:
    """Fit the results into messages, pictures made smaller where they must be."""
    limit = min(size_limit, BYTES_A_MESSAGE)
    attachments: list[Attachment] = []
    notes: list[str] = []
    reduced: list[int] = []
    for content in contents:
        text = content.output.text
        if text is not None and len(text) <= SHOWN_TEXT_CHARACTERS:
            notes.append(_quoted(text))
            continue
        attachment, is_reduced = await _fit(generation, content, limit)
        if attachment is None:
            size = mebibytes(content.output.byte_count)
            notes.append(
                f"Result {content.output.position + 1} has {size}, more than can be sent here "
                f"({mebibytes(limit)}). It is kept for a few days: ask the people who run this bot."
            )
            continue
        attachments.append(attachment)
        if is_reduced:
            reduced.append(content.output.position)
            size = mebibytes(content.output.byte_count)
            notes.append(f"Picture {content.output.position + 1} was made smaller: it has {size}.")
    return Parcel(_split(attachments), tuple(notes), tuple(reduced))


async def fit_original(
    generation: Generation, content: OutputContent, size_limit: int
) -> Attachment | None:
    """The result as the backend made it; None when it is too large for this place."""
    if len(content.content) > min(size_limit, BYTES_A_MESSAGE):
        return None
    return _attach(generation, content, content.content, _extension(content))


async def _fit(
    generation: Generation, content: OutputContent, limit: int
) -> tuple[Attachment | None, bool]:
    if len(content.content) <= limit:
        return _attach(generation, content, content.content, _extension(content)), False
    if not content.output.media_type.startswith("image/"):
        return None, False
    try:
        fitted = await asyncio.to_thread(imaging.fit_under, content.content, limit)
    except imaging.InvalidImage as error:
        _log.warning("A result of %s cannot be made smaller: %s", generation.id, error)
        return None, False
    return _attach(generation, content, fitted.content, fitted.extension), True


def _quoted(text: str) -> str:
    """As it is, in a block that it cannot close."""
    inside = text.replace("```", "`\u200b``")
    return f"```\n{inside}\n```"


def _attach(
    generation: Generation, content: OutputContent, data: bytes, extension: str
) -> Attachment:
    number = content.output.position + 1
    return Attachment(
        # Discord shows and keeps only such names as they are.
        filename=f"limner-{generation.id}-{number}.{extension}",
        content=data,
        description=generation.prompt[:ALT_TEXT_CHARACTERS] or generation.workflow,
        spoiler=generation.spoiler,
    )


def _extension(content: OutputContent) -> str:
    suffix = PurePosixPath(content.output.filename).suffix.lstrip(".").lower()
    return suffix if suffix.isascii() and suffix.isalnum() else "bin"


def _split(attachments: Sequence[Attachment]) -> tuple[tuple[Attachment, ...], ...]:
    messages: list[list[Attachment]] = [[]]
    for attachment in attachments:
        total = sum(len(one.content) for one in messages[-1])
        is_full = len(messages[-1]) == FILES_A_MESSAGE
        if is_full or total + len(attachment.content) > BYTES_A_MESSAGE:
            messages.append([])
        messages[-1].append(attachment)
    return tuple(tuple(message) for message in messages)
