"""Packing of results into messages within Discord's limits on number and size of files."""

import asyncio
import io
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import discord
from discord import ui

from bot.i18n.language import _, mark
from bot.ui.layout import Item
from bot.ui.limits import ALT_TEXT_CHARACTERS
from bot.ui.text import code_block, mebibytes
from generation.marking.marker import Marker
from generation.media import imaging, video
from generation.media.decoding import decode
from generation.media.fitting import fit_under
from generation.media.normalising import InvalidImage
from generation.media.stripping import strip_metadata, strip_picture
from generation.record import Generation, Output, OutputContent
from generation.request import Layout
from generation.requests.available_actions import is_picture

FILES_A_MESSAGE = 10
"""Discord's limit of files in a message."""

BYTES_A_MESSAGE = 24 * 1024 * 1024
"""Bytes of files in one message: Discord documents 25 MiB a request, which has other parts too."""


SHOWN_TEXT_CHARACTERS = 1_000
"""Characters of a text result shown in the message; a longer one is attached as a file."""

QUOTED_CHARACTERS = 2_500
"""Characters of all text results quoted in a message, whose texts have 4,000 together."""

VISUAL_EXTENSIONS = frozenset({"png", "jpg", "jpeg", "webp", "gif", "mp4", "webm", "mov"})
"""Extensions of files that Discord shows in a gallery."""

EXTENSION_CHARACTERS = 10
"""Longest file extension that is kept."""

COMPRESSED = mark("Compressed to fit Discord (original {size})")
SCALED_DOWN = mark("Scaled down to fit Discord (original {size})")

_NOTHING = (None, None)

_VIDEO_ENCODING = asyncio.Semaphore(1)
"""Videos are re-encoded one at a time: each encoder uses every core."""

_log = logging.getLogger(__name__)


class _File(discord.File):
    """A file whose bytes are freed once it was sent, not by the next garbage collection."""

    def close(self) -> None:
        """Close it without the buffer's reference to itself that discord.py leaves behind."""
        super().close()
        vars(self.fp).pop("close", None)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that can be sent any number of times."""

    filename: str
    content: bytes = field(repr=False)
    description: str
    spoiler: bool

    @property
    def is_visual(self) -> bool:
        """Whether a gallery can show it."""
        return self.filename.rpartition(".")[2] in VISUAL_EXTENSIONS

    def to_file(self) -> discord.File:
        """Build a discord.File, which can be sent only once; the component that shows it hides."""
        return _File(
            io.BytesIO(self.content), filename=self.filename, description=self.description or None
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """Files grouped by message, notes about changes made to them, and quoted text results.

    `says_ai` shows the word above them.
    """

    messages: tuple[tuple[Attachment, ...], ...]
    notes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    says_ai: bool = True


async def pack(
    generation: Generation,
    contents: Sequence[OutputContent],
    size_limit: int,
    message_limit: int = BYTES_A_MESSAGE,
    *,
    marker: Marker,
) -> Parcel:
    """Distribute results over messages; pictures and videos that are too large are re-encoded."""
    limit = marker.leave_room(min(size_limit, message_limit))
    says_ai = await marker.says_ai(generation)
    if not generation.keeps_metadata:
        contents = [
            replace(content, content=await decode(strip_metadata, content.content))
            for content in contents
        ]
    grid = await _build_grid(generation, contents, limit)
    if grid is not None:
        return Parcel(((await _marked(grid, generation, marker),),), says_ai=says_ai)
    attachments: list[Attachment] = []
    notes: list[str] = []
    texts: list[str] = []
    for content in contents:
        quote = _find_quote(generation, content)
        if quote is not None and sum(map(len, texts)) + len(quote) <= QUOTED_CHARACTERS:
            texts.append(quote)
            continue
        attachment, note = await _fit(generation, content, limit)
        size = mebibytes(content.output.byte_count)
        prefix = _number_of(content, contents)
        if attachment is None:
            attachments += await _find_still(generation, content, limit)
            notes.append(
                prefix
                + _(
                    "Too large for Discord ({size}, limit {limit}). Make a smaller or shorter one. "
                    "The people who run this bot can give it to you for a few days.",
                    size=size,
                    limit=mebibytes(limit),
                )
            )
            continue
        attachments.append(attachment)
        if note is not None:
            notes.append(prefix + _(note, size=size))
    if generation.outputs and not contents:
        notes.append(_("These results are no longer stored."))
    marked = [await _marked(attachment, generation, marker) for attachment in attachments]
    return Parcel(_split(marked, message_limit), tuple(notes), tuple(texts), says_ai)


async def _marked(attachment: Attachment, generation: Generation, marker: Marker) -> Attachment:
    """Mark a file; must be the last change, since any other would invalidate the mark."""
    content = await marker.mark(attachment.content, attachment.filename, generation)
    return replace(attachment, content=content)


async def pack_originals(
    generation: Generation,
    contents: Sequence[OutputContent],
    size_limit: int,
    *,
    marker: Marker,
) -> Parcel:
    """Pack results unchanged, with a sentence for each that is too large.

    Nothing is re-encoded: that takes seconds and rarely makes a large picture fit.
    """
    attachments: list[Attachment] = []
    notes: list[str] = []
    for content in contents:
        attachment = find_original(generation, content, marker.leave_room(size_limit))
        if attachment is not None:
            attachments.append(await _marked(attachment, generation, marker))
            continue
        note = _number_of(content, contents) + _(
            "Too large for Discord ({size}, limit {limit}).",
            size=mebibytes(content.output.byte_count),
            limit=mebibytes(size_limit),
        )
        if is_picture(content.output):
            note += " " + _("The posted picture is the best copy.")
        notes.append(note)
    return Parcel(_split(attachments, BYTES_A_MESSAGE), tuple(notes))


def _number_of(content: OutputContent, contents: Sequence[OutputContent]) -> str:
    """Return the number before a note about a result; none for a single one."""
    return f"#{content.output.position + 1}: " if len(contents) > 1 else ""


def find_original(
    generation: Generation, content: OutputContent, size_limit: int
) -> Attachment | None:
    """Attach the original file, without its metadata if only that makes it fit."""
    limit = min(size_limit, BYTES_A_MESSAGE)
    for data in (content.content, strip_picture(content.content)):
        if len(data) <= limit:
            return _attach(generation, content, data, find_extension(content.output))
    return None


def show_files(files: Sequence[Attachment]) -> Iterable[Item]:
    """Build components for files: a gallery of pictures and videos, and a row for each other."""
    seen = [file for file in files if file.is_visual]
    if seen:
        yield ui.MediaGallery(
            *(
                discord.MediaGalleryItem(
                    f"attachment://{file.filename}",
                    description=file.description or None,
                    spoiler=file.spoiler,
                )
                for file in seen
            )
        )
    for file in files:
        if not file.is_visual:
            yield ui.File(f"attachment://{file.filename}", spoiler=file.spoiler)


async def _build_grid(
    generation: Generation, contents: Sequence[OutputContent], limit: int
) -> Attachment | None:
    """Combine two to four pictures into a grid, unless the request asks for separate ones."""
    is_grid = generation.layout is Layout.GRID and 1 < len(contents) <= imaging.GRID_CELLS
    if not is_grid:
        return None
    if not all(is_picture(content.output) for content in contents):
        return None
    grid = await decode(imaging.grid, [content.content for content in contents])
    description = imaging.describe(grid) if grid is not None else None
    if grid is None or description is None or len(grid) > limit:
        return None
    return Attachment(
        filename=f"limner-{generation.id}-grid.{description.extension}",
        content=grid,
        description=generation.prompt[:ALT_TEXT_CHARACTERS] or generation.workflow,
        spoiler=generation.spoiler,
    )


async def _fit(
    generation: Generation, content: OutputContent, limit: int
) -> tuple[Attachment | None, str | None]:
    """Fit a result into `limit` bytes; return it with a sentence that says what was changed."""
    if len(content.content) <= limit:
        return _attach(generation, content, content.content, find_extension(content.output)), None
    if content.output.media_type.startswith("video/"):
        async with _VIDEO_ENCODING:
            written = await asyncio.to_thread(video.fit_video, content.content, limit)
        return (_attach(generation, content, written, "mp4"), COMPRESSED) if written else _NOTHING
    if not content.output.media_type.startswith("image/"):
        return _NOTHING
    try:
        fitted = await decode(fit_under, content.content, limit)
    except InvalidImage as error:
        _log.warning("A result of %s cannot be made smaller: %s", generation.id, error)
        return _NOTHING
    note = SCALED_DOWN if fitted.is_scaled else COMPRESSED
    return _attach(generation, content, fitted.content, fitted.extension), note


async def _find_still(
    generation: Generation, content: OutputContent, limit: int
) -> tuple[Attachment, ...]:
    """Extract a still from a video that is too large to send, if it can be decoded."""
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
    """Quote a text result in a code block that it cannot close; None if a file is better."""
    text = content.output.text
    if text is None or len(text) > SHOWN_TEXT_CHARACTERS or not text.strip():
        return None
    block = code_block(text)
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


def find_extension(output: Output) -> str:
    """Return the extension with which a result is posted."""
    suffix = PurePosixPath(output.filename).suffix.lstrip(".").lower()
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
