"""A small bar chart as a picture."""

from collections.abc import Sequence

from PIL import Image

from generation.media.drawing import draw_on, load_font
from generation.media.normalising import encode

_SIZE = (800, 300)
_MARGIN = 56
_GROUND, _BLUE, _RED, _TEXT = "#1a1b1e", "#5865f2", "#da373c", "#dbdee1"
_FONT_SIZE = 32


def draw_bars(values: Sequence[tuple[int, int]], first: str, last: str) -> bytes:
    """Draw a blue bar and a red one on it for each pair as a PNG.

    The captions are below the first and the last pair.
    """
    width, height = _SIZE
    picture = Image.new("RGB", _SIZE, _GROUND)
    canvas = draw_on(picture)
    font = load_font(_FONT_SIZE)
    most = max(*map(sum, values), 1)
    step = (width - 2 * _MARGIN) / len(values)
    floor = height - _MARGIN
    for place, (blue, red) in enumerate(values):
        left = _MARGIN + place * step
        for value, color in ((blue + red, _RED), (blue, _BLUE)):
            top = floor - (floor - _MARGIN) * value / most
            canvas.rectangle((left, top, left + max(step * 0.8, 1), floor), fill=color)
    canvas.line((_MARGIN, floor, width - _MARGIN, floor), fill=_TEXT)
    canvas.text((_MARGIN, _MARGIN / 2), str(most), fill=_TEXT, font=font, anchor="lm")
    canvas.text((_MARGIN, height - _MARGIN / 2), first, fill=_TEXT, font=font, anchor="lm")
    canvas.text((width - _MARGIN, height - _MARGIN / 2), last, fill=_TEXT, font=font, anchor="rm")
    return encode(picture, "PNG")
