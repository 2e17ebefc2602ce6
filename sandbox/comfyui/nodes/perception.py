"""Node classes that find something in pictures or write about them."""

from collections.abc import Mapping
from typing import Final

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from sandbox.comfyui.nodes.running import Inputs, QuickNode, Result, RunContext
from sandbox.comfyui.nodes.values import Pictures

_SKELETON: Final = (
    ((0.50, 0.14), (0.50, 0.26), (0.50, 0.58)),
    ((0.50, 0.26), (0.36, 0.42), (0.30, 0.56)),
    ((0.50, 0.26), (0.64, 0.42), (0.72, 0.34)),
    ((0.50, 0.58), (0.42, 0.76), (0.40, 0.94)),
    ((0.50, 0.58), (0.60, 0.76), (0.64, 0.94)),
)
"""Torso, arms and legs of a figure, in parts of the picture's sides."""
_LIMBS: Final = ("#f33", "#3c3", "#39f", "#fc3", "#c3f")
_HUES: Final = ("red", "orange", "green", "teal", "blue", "violet", "rose")
_DETAILS: Final = (
    "soft light from the left, a calm horizon, fine texture in the foreground, muted colors"
)


def _detect(_: RunContext, inputs: Inputs) -> Result:
    return Result((_find_middle(inputs["image"][0]), []))


def _remove_background(_: RunContext, inputs: Inputs) -> Result:
    return Result((_find_middle(inputs["image"][0]),))


def _find_middle(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    mask = Image.new("L", picture.size, 0)
    box = width // 4, height // 5, width - width // 4, height - height // 8
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def _draw_depth(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["da3_geometry"]
    return Result(([_estimate_depth(picture) for picture in pictures],))


def _estimate_depth(picture: Image.Image) -> Image.Image:
    """Take what is low in the picture as near, and what is light as far."""
    light = ImageOps.autocontrast(ImageOps.grayscale(picture)).filter(ImageFilter.GaussianBlur(6))
    ground = Image.linear_gradient("L").resize(picture.size)
    return Image.blend(ground, ImageOps.invert(light), 0.35).convert("RGB")


def _draw_pose(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["keypoints"]
    return Result(([_draw_figure(picture.size) for picture in pictures],))


def _draw_figure(size: tuple[int, int]) -> Image.Image:
    canvas = Image.new("RGB", size)
    pen = ImageDraw.Draw(canvas)
    for limb, color in zip(_SKELETON, _LIMBS, strict=True):
        points = [(x * size[0], y * size[1]) for x, y in limb]
        pen.line(points, fill=color, width=max(3, size[0] // 90), joint="curve")
    return canvas


def _find_edges(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    edges = [ImageOps.grayscale(picture).filter(ImageFilter.FIND_EDGES) for picture in pictures]
    return Result(([ImageOps.autocontrast(edge, 2).convert("RGB") for edge in edges],))


def _write_text(_: RunContext, inputs: Inputs) -> Result:
    """Describe a picture by its colors, or write out the last paragraph of the prompt."""
    pictures: Pictures | None = inputs.get("image")
    if pictures:
        return Result((_describe(pictures[0]),))
    subject = str(inputs["prompt"]).rstrip(". \n").rpartition("\n\n")[2]
    return Result((f"{subject}, {_DETAILS}",))


def _describe(picture: Image.Image) -> str:
    hue, saturation, value = picture.convert("RGB").resize((1, 1)).convert("HSV").getpixel((0, 0))  # type: ignore[misc]  # three bands
    color = _HUES[hue * len(_HUES) // 256] if saturation > 30 else "gray"  # noqa: PLR2004 - of 255
    tone = "bright" if value > 150 else "dim"  # noqa: PLR2004 - of 255
    shape = "wide" if picture.width > picture.height else "tall"
    return f"A {tone} {shape} scene in {color} tones, {_DETAILS}"


QUICK: Final[Mapping[str, QuickNode]] = {
    "Canny": _find_edges,
    "DA3Render": _draw_depth,
    "RemoveBackground": _remove_background,
    "SAM3_Detect": _detect,
    "SDPoseDrawKeypoints": _draw_pose,
    "TextGenerate": _write_text,
}
