"""Drawing and fonts of Pillow, imported when something is drawn: they take 2 MB."""

from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_on(image: Image.Image) -> "ImageDraw.ImageDraw":
    """Return what draws on the picture."""
    from PIL import ImageDraw  # noqa: PLC0415 - see above

    return ImageDraw.Draw(image)


def load_font(size: float) -> "Font":
    """Return the font that Pillow ships."""
    from PIL import ImageFont  # noqa: PLC0415 - see above

    return ImageFont.load_default(size)
