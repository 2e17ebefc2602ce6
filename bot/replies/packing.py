"""Packing of results into messages within Discord's limits on number and size of files."""

import asyncio
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import discord

from bot.i18n.language import _, mark
from bot.ui.limits import ALT_TEXT_CHARACTERS
from bot.ui.text import mebibytes, visible
from generation.media import imaging, video
from generation.media.decoding import decode
from generation.media.fitting import fit_under
from generation.media.stripping import strip_metadata
from generation.record import Generation, OutputContent
from generation.request import Layout
from generation.requests.available_actions import is_picture

FILES_A_MESSAGE = 10
"""Discord's limit."""

BYTES_A_MESSAGE = 24 * 1024 * 1024
"""Bytes of files in one message: Discord documents 25 MiB a request, which has other parts too."""


SHOWN_TEXT_CHARACTERS = 1_000
"""Characters of a text result shown in the message; a longer one is attached as a file."""

NOTES_CHARACTERS = 3_500
"""Characters of all notes: an embed's description has 4,096, of which the facts take some."""

EXTENSION_CHARACTERS = 10
"""Longest file extension that is kept."""

COMPRESSED = mark("Result {number} was compressed to fit Discord: the original has {size}.")
SCALED_DOWN = mark("Result {number} was made smaller to fit Discord: the original has {size}.")

_NOTHING = (None, None)

_FILMS = asyncio.Semaphore(1)
"""Videos are re-encoded one at a time: each encoder uses every core."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that can be sent any number of times."""

    filename: str
    content: bytes = field(repr=False)
    description: str
    spoiler: bool

    def to_file(self) -> discord.File:
        """Build a discord.File, which can be sent only once."""
        return discord.File(
            io.BytesIO(self.content),
            filename=self.filename,
            description=self.description,
            spoiler=self.spoiler,
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """Files grouped by message, and notes about changes made to them."""

    messages: tuple[tuple[Attachment, ...], ...]
    notes: tuple[str, ...]


async def pack(
    generation: Generation,
    contents: Sequence[OutputContent],
    size_limit: int,
    message_limit: int = BYTES_A_MESSAGE,
) -> Parcel:
    """Fit results into messages; pictures and videos are re-encoded where they are too large."""
    limit = min(size_limit, message_limit)
    if not generation.keeps_metadata:
        contents = [
            replace(content, content=strip_metadata(content.content)) for content in contents
        ]
    grid = await _build_grid(generation, contents, limit)
    if grid is not None:
        return Parcel(((grid,),), ())
    attachments: list[Attachment] = []
    notes: list[str] = []
    for content in contents:
        quote = _find_quote(generation, content)
        if quote is not None and sum(map(len, notes)) + len(quote) <= NOTES_CHARACTERS:
            notes.append(quote)
            continue
        attachment, note = await _fit(generation, content, limit)
        number, size = content.output.position + 1, mebibytes(content.output.byte_count)
        if attachment is None:
            attachments += await _find_still(generation, content, limit)
            notes.append(
                _(
                    "Result {number} has {size}, more than can be sent here ({limit}): ask for a "
                    "smaller or shorter one. It is kept for a few days, and the people who run "
                    "this bot can hand it to you.",
                    number=number,
                    size=size,
                    limit=mebibytes(limit),
                )
            )
            continue
        attachments.append(attachment)
        if note is not None:
            notes.append(_(note, number=number, size=size))
    if generation.outputs and not contents:
        notes.append(_("The results are not kept any more."))
    return Parcel(_split(attachments, message_limit), tuple(notes))


def pack_originals(
    generation: Generation, contents: Sequence[OutputContent], size_limit: int
) -> Parcel:
    """Pack results unchanged, with a sentence for each that is too large to be sent.

    Nothing is re-encoded: that takes seconds and rarely makes a large picture fit.
    """
    attachments: list[Attachment] = []
    notes: list[str] = []
    for content in contents:
        attachment = find_original(generation, content, size_limit)
        if attachment is not None:
            attachments.append(attachment)
            continue
        note = _(
            "Original {number} is too large for Discord ({size}, limit {limit}).",
            number=content.output.position + 1,
            size=mebibytes(content.output.byte_count),
            limit=mebibytes(size_limit),
        )
        if is_picture(content.output):
            note += " " + _("The picture above is the best copy.")
        notes.append(note)
    return Parcel(_split(attachments, BYTES_A_MESSAGE), tuple(notes))


def find_original(
    generation: Generation, content: OutputContent, size_limit: int
) -> Attachment | None:
    """Attach the original file, without its metadata where only that makes it fit."""
    limit = min(size_limit, BYTES_A_MESSAGE)
    for data in (content.content, strip_metadata(content.content)):
        if len(data) <= limit:
            return _attach(generation, content, data, _extension(content))
    return None


async def _build_grid(
    generation: Generation, contents: Sequence[OutputContent], limit: int
) -> Attachment | None:
    """Combine four pictures into a grid, if the request asks for one; otherwise None."""
    if generation.layout is not Layout.GRID or len(contents) != imaging.GRID_CELLS:
        return None
    if not all(is_picture(content.output) for content in contents):
        return None
    grid = await decode(imaging.grid, [content.content for content in contents])
    if grid is None or len(grid) > limit:
        return None
    return Attachment(
        filename=f"limner-{generation.id}-grid.webp",
        content=grid,
        description=generation.prompt[:ALT_TEXT_CHARACTERS] or generation.workflow,
        spoiler=generation.spoiler,
    )


async def _fit(
    generation: Generation, content: OutputContent, limit: int
) -> tuple[Attachment | None, str | None]:
    """Fit a result into `limit` bytes; with it, the sentence that says what was changed."""
    if len(content.content) <= limit:
        return _attach(generation, content, content.content, _extension(content)), None
    if content.output.media_type.startswith("video/"):
        async with _FILMS:
            written = await asyncio.to_thread(video.fit_video, content.content, limit)
        return (_attach(generation, content, written, "mp4"), COMPRESSED) if written else _NOTHING
    if not content.output.media_type.startswith("image/"):
        return _NOTHING
    try:
        fitted = await decode(fit_under, content.content, limit)
    except imaging.InvalidImage as error:
        _log.warning("A result of %s cannot be made smaller: %s", generation.id, error)
        return _NOTHING
    note = SCALED_DOWN if fitted.is_scaled else COMPRESSED
    return _attach(generation, content, fitted.content, fitted.extension), note


async def _find_still(
    generation: Generation, content: OutputContent, limit: int
) -> tuple[Attachment, ...]:
    """Extract a still from a video that is too large to be sent, if it can be decoded."""
    if not content.output.media_type.startswith("video/"):
        return ()
    picture = await decode(video.still, content.content)
    if picture is None:
        return ()
    fitted = await decode(fit_under, picture, limit)
    still = _attach(generation, content, fitted.content, fitted.extension)
    number = content.output.position + 1
    # A different name: this is not the result itself.
    name = f"limner-{generation.id}-{number}-still.{fitted.extension}"
    return (replace(still, filename=name),)


def _find_quote(generation: Generation, content: OutputContent) -> str | None:
    """Quote a text result in a code block that its text cannot close; None if a file is better."""
    text = content.output.text
    if text is None or len(text) > SHOWN_TEXT_CHARACTERS or not text.strip():
        return None
    inside = visible(text).replace("`", "`\u200b")
    block = f"```\n{inside}\n```"
    return f"||{block}||" if generation.spoiler else block


def _attach(
    generation: Generation, content: OutputContent, data: bytes, extension: str
) -> Attachment:
    number = content.output.position + 1
    return Attachment(
        # Discord rewrites other names, and the posted file would not be found by its name again.
        filename=f"limner-{generation.id}-{number}.{extension}",
        content=data,
        description=generation.prompt[:ALT_TEXT_CHARACTERS] or generation.workflow,
        spoiler=generation.spoiler,
    )


def _extension(content: OutputContent) -> str:
    suffix = PurePosixPath(content.output.filename).suffix.lstrip(".").lower()
    is_plain = suffix.isascii() and suffix.isalnum()
    return suffix if is_plain and len(suffix) <= EXTENSION_CHARACTERS else "bin"


def _split(
    attachments: Sequence[Attachment], message_limit: int
) -> tuple[tuple[Attachment, ...], ...]:
    messages: list[list[Attachment]] = [[]]
    for attachment in attachments:
        total = sum(len(attachment.content) for attachment in messages[-1])
        is_full = len(messages[-1]) == FILES_A_MESSAGE
        if is_full or total + len(attachment.content) > message_limit:
            messages.append([])
        messages[-1].append(attachment)
    return tuple(tuple(message) for message in messages)
