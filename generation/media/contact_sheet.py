"""Contact sheets: thumbnails with numbers and captions in one picture, for moderators."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image

from generation.media.drawing import draw_on, load_font
from generation.media.imaging import THUMBNAIL_SIDE, find_small
from generation.media.normalising import OPAQUE, encode
from generation.record import Generation, Output

if TYPE_CHECKING:
    from generation.media.drawing import Font

_MOST_COLUMNS = 4
_SHEET_GAP = 16
_SHEET_COLOUR = "#1a1b1e"
_CARD_COLOUR = "#2b2d31"
_CARD_RADIUS = 14
_FRAME_COLOUR = "#202225"
_TEXT_COLOUR = "#dbdee1"
_FAINT_COLOUR = "#80848e"
_BADGE_COLOUR = "#5865f2"
_PADDING = 12
_CAPTION_LINES = 2
_CAPTION_CHARACTERS = 120
"""More than fits into two lines, so that a long prompt is not measured word by word."""

_CAPTION_SIZE = 17
_LINE_HEIGHT = 23
_TILE_WIDTH = THUMBNAIL_SIDE + 2 * _PADDING
_TILE_HEIGHT = THUMBNAIL_SIDE + 3 * _PADDING + _CAPTION_LINES * _LINE_HEIGHT
_TILE_SIZE = (_TILE_WIDTH, _TILE_HEIGHT)
_OVERSAMPLING = 4
"""Corners are drawn larger and scaled down, because Pillow does not anti-alias them."""


class Symbol(StrEnum):
    """Symbol in place of a missing thumbnail."""

    FILM = "film"
    SOUND = "sound"
    TEXT = "text"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a contact sheet; without a thumbnail, a symbol or nothing is drawn."""

    caption: str
    thumbnail: bytes | None = field(default=None, repr=False)
    symbol: Symbol | None = None


def contact_sheet(tiles: Sequence[Tile]) -> bytes:
    """Draw small pictures in a numbered grid, row by row, as a PNG."""
    # As square as it can be: what is wide is small on a phone.
    columns = max(1, min(_MOST_COLUMNS, math.ceil(math.sqrt(len(tiles)))))
    rows = max(1, math.ceil(len(tiles) / columns))
    size = (
        _SHEET_GAP + columns * (_TILE_WIDTH + _SHEET_GAP),
        _SHEET_GAP + rows * (_TILE_HEIGHT + _SHEET_GAP),
    )
    sheet = Image.new("RGB", size, _SHEET_COLOUR)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        corner = (
            _SHEET_GAP + column * (_TILE_WIDTH + _SHEET_GAP),
            _SHEET_GAP + row * (_TILE_HEIGHT + _SHEET_GAP),
        )
        sheet.paste(_draw_tile(index + 1, tile), corner, _rounded(_TILE_SIZE, _CARD_RADIUS))
    # The best compression takes a second and more for a twentieth less.
    return encode(sheet, "PNG", compress_level=4)


def _draw_tile(number: int, tile: Tile) -> Image.Image:
    card = Image.new("RGB", _TILE_SIZE, _CARD_COLOUR)
    card.paste(
        _draw_frame(tile),
        (_PADDING, _PADDING),
        _rounded((THUMBNAIL_SIDE, THUMBNAIL_SIDE), _CARD_RADIUS - 4),
    )
    _draw_badge(card, str(number))
    font = load_font(_CAPTION_SIZE)
    draw = draw_on(card)
    top = THUMBNAIL_SIDE + 2 * _PADDING
    for index, line in enumerate(_wrap(tile.caption, font)):
        draw.text((_PADDING, top + index * _LINE_HEIGHT), line, _TEXT_COLOUR, font)
    return card


def _draw_frame(tile: Tile) -> Image.Image:
    frame = Image.new("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE), _FRAME_COLOUR)
    image = None if tile.thumbnail is None else find_small(tile.thumbnail, THUMBNAIL_SIDE)
    centre = THUMBNAIL_SIDE // 2
    if image is None and tile.symbol is not None:
        frame.paste(_FAINT_COLOUR, (0, 0), _draw_symbol(tile.symbol))
        return frame
    if image is None:
        font = load_font(_CAPTION_SIZE)
        draw_on(frame).text((centre, centre), "no picture", _FAINT_COLOUR, font, anchor="mm")
        return frame
    mask = image.getchannel("A") if image.mode == "RGBA" else None
    frame.paste(image, (centre - image.width // 2, centre - image.height // 2), mask)
    return frame


def _draw_symbol(symbol: Symbol) -> Image.Image:
    """Draw a symbol's mask on a grid of 16 by 16, oversampled."""
    side = THUMBNAIL_SIDE * _OVERSAMPLING
    mask = Image.new("L", (side, side), 0)
    draw = draw_on(mask)
    unit = side / 16

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * unit, y * unit) for x, y in points]

    match symbol:
        case Symbol.FILM:
            draw.polygon(at((6, 4.5), (12, 8), (6, 11.5)), OPAQUE)
        case Symbol.SOUND:
            for column, height in enumerate((2, 5, 7, 4, 6, 3, 1)):
                x = 4.5 + column
                draw.rectangle(at((x, 8 - height / 2), (x + 0.5, 8 + height / 2)), OPAQUE)
        case Symbol.TEXT:
            for row, width in enumerate((8, 8, 7, 8, 4)):
                y = 5 + row * 1.4
                draw.rectangle(at((4, y), (4 + width, y + 0.5)), OPAQUE)
        case Symbol.SHAPE:
            width = round(unit / 2)
            top, left, right = (8, 4), (4.5, 6), (11.5, 6)
            draw.line(at(top, left, (8, 8), right, top), OPAQUE, width, joint="curve")
            lower = at(left, (4.5, 10), (8, 12), (11.5, 10), right)
            draw.line(lower, OPAQUE, width, joint="curve")
            draw.line(at((8, 8), (8, 12)), OPAQUE, width)
    return mask.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)


def _draw_badge(card: Image.Image, text: str) -> None:
    font = load_font(18)
    size = (max(30, int(font.getlength(text)) + 18), 30)
    badge = Image.new("RGB", size, _BADGE_COLOUR)
    draw = draw_on(badge)
    draw.text((size[0] / 2, size[1] / 2), text, "white", font, anchor="mm")
    card.paste(badge, (_PADDING + 8, _PADDING + 8), _rounded(size, size[1] // 2))


@lru_cache(maxsize=16)
def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    large = Image.new("L", (size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING), 0)
    draw_on(large).rounded_rectangle(
        (0, 0, large.width - 1, large.height - 1), radius * _OVERSAMPLING, fill=255
    )
    return large.resize(size, Image.Resampling.LANCZOS)


def _wrap(caption: str, font: "Font") -> list[str]:
    """Wrap a caption into the available lines, the last one cut with an ellipsis."""
    words = _drawable(caption[:_CAPTION_CHARACTERS], font).split()
    lines: list[str] = []
    while words and len(lines) < _CAPTION_LINES:
        count = 1
        while count < len(words) and _fits(" ".join(words[: count + 1]), font):
            count += 1
        is_last = len(lines) == _CAPTION_LINES - 1
        taken, words = (words, []) if is_last else (words[:count], words[count:])
        lines.append(_cut(" ".join(taken), font))
    return lines


def _cut(line: str, font: "Font") -> str:
    if _fits(line, font):
        return line
    while line and not _fits(f"{line}...", font):
        line = line[:-1]
    return f"{line.rstrip()}..."


def _fits(line: str, font: "Font") -> bool:
    return font.getlength(line) <= THUMBNAIL_SIDE


def _drawable(text: str, font: "Font") -> str:
    """Replace accented letters that the font lacks, and remove characters without a glyph."""
    missing = bytes(font.getmask("\uffff"))
    plain = unicodedata.normalize("NFKD", text)
    known = {
        character: character.isspace() or bytes(font.getmask(character)) != missing
        for character in set(plain)
    }
    return "".join(character for character in plain if known[character])


def build_tile(generation: Generation) -> Tile:
    """Build the tile of a generation: its first thumbnail, or a symbol for its media."""
    caption = f"{generation.id} · {generation.prompt}"
    for output in generation.outputs:
        if output.thumbnail is not None:
            return Tile(caption, output.thumbnail)
    first = next(iter(generation.outputs), None)
    return Tile(caption, symbol=find_symbol(first) if first is not None else None)


def build_tiles(generation: Generation) -> tuple[Tile, ...]:
    """Build a tile of every result; none if one cannot be judged from a thumbnail."""
    caption = f"{generation.id} · {generation.prompt}"
    if not all(output.media_type.startswith("image/") for output in generation.outputs):
        return ()
    if any(output.thumbnail is None for output in generation.outputs):
        return ()
    return tuple(Tile(caption, output.thumbnail) for output in generation.outputs)


def find_symbol(output: Output) -> Symbol | None:
    """Return a result's symbol; None for a picture, which is pruned if it has no thumbnail."""
    family = output.media_type.partition("/")[0]
    match family:
        case "image":
            return None
        case "video":
            return Symbol.FILM
        case "audio":
            return Symbol.SOUND
        case "text":
            return Symbol.TEXT
        case "model":
            return Symbol.SHAPE
        case _:
            return Symbol.TEXT if output.text is not None else None
