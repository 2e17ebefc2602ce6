"""Sizes, filters and the growing of masks."""

from collections.abc import Mapping
from typing import Final

from PIL import Image, ImageFilter

FILTERS: Final[Mapping[str, Image.Resampling]] = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
LATENT_GRID: Final = 8
"""Pixels a side that one latent value stands for; sizes are rounded down to it."""


def grown(mask: Image.Image, pixels: int) -> Image.Image:
    """Grow a mask by some pixels, or shrink it by a negative number."""
    # Pixel by pixel: a window of the whole width gives the same and takes the square of the time.
    by_one = ImageFilter.MaxFilter(3) if pixels > 0 else ImageFilter.MinFilter(3)
    for _ in range(abs(pixels)):
        mask = mask.filter(by_one)
    return mask


def wanted_size(width: int, height: int, size: tuple[int, int]) -> tuple[int, int]:
    """Fill in a side given as 0 so that the proportions stay."""
    if width == 0 and height == 0:
        return size
    if width == 0:
        width = max(1, round(size[0] * height / size[1]))
    if height == 0:
        height = max(1, round(size[1] * width / size[0]))
    return width, height


def on_grid(side: int) -> int:
    """Round a side down to what latents can have."""
    return max(LATENT_GRID, side // LATENT_GRID * LATENT_GRID)
