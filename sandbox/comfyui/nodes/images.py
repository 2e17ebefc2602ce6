"""Node classes that load, scale, combine and mask pictures."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from PIL import Image, ImageChops, ImageOps

from sandbox.comfyui.nodes.geometry import FILTERS, grown, wanted_size
from sandbox.comfyui.nodes.running import Inputs, NodeError, QuickNode, Result, RunContext, SlowNode
from sandbox.comfyui.nodes.values import Pictures, UpscaleModel
from sandbox.comfyui.painting import painter


def _load_image(context: RunContext, inputs: Inputs) -> Result:
    picture = _opened(context, inputs["image"])
    if "A" in picture.getbands():
        mask = ImageOps.invert(picture.getchannel("A"))
    else:
        mask = Image.new("L", (64, 64), 0)
    return Result(([_on_black(picture)], mask))


def _load_mask(context: RunContext, inputs: Inputs) -> Result:
    picture = _opened(context, inputs["image"])
    channel = str(inputs["channel"])
    if channel == "alpha":
        has_alpha = "A" in picture.getbands()
        alpha = picture.getchannel("A") if has_alpha else None
        return Result((ImageOps.invert(alpha) if alpha else Image.new("L", (64, 64), 0),))
    return Result((picture.convert("RGB").getchannel(channel[0].upper()),))


def _scale_image(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    wanted = int(inputs["width"]), int(inputs["height"])
    chosen = FILTERS[inputs["upscale_method"]]
    scaled = []
    for picture in pictures:
        size = wanted_size(*wanted, picture.size)
        if inputs["crop"] == "center":
            scaled.append(ImageOps.fit(picture, size, chosen))
        else:
            scaled.append(picture.resize(size, chosen))
    return Result((scaled,))


def _scale_image_to_pixels(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    steps = int(inputs.get("resolution_steps", 1))
    total = float(inputs["megapixels"]) * 1024 * 1024
    scaled = []
    for picture in pictures:
        factor = (total / (picture.width * picture.height)) ** 0.5
        size = [max(1, round(side * factor / steps)) * steps for side in picture.size]
        scaled.append(picture.resize((size[0], size[1]), FILTERS[inputs["upscale_method"]]))
    return Result((scaled,))


def _scale_image_by(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    factor = float(inputs["scale_by"])
    chosen = FILTERS[inputs["upscale_method"]]
    scaled = [
        picture.resize((round(picture.width * factor), round(picture.height * factor)), chosen)
        for picture in pictures
    ]
    return Result((scaled,))


async def _upscale(context: RunContext, inputs: Inputs) -> Result:
    model: UpscaleModel = inputs["upscale_model"]
    pictures: Pictures = inputs["image"]
    enlarge = partial(painter.enlarge, is_coarse=context.largest_drawing is not None)
    enlarged = []
    for picture in pictures:
        large = await context.in_thread(enlarge, picture, model.factor)
        tiles = max(1, -(-picture.width // 512)) * max(1, -(-picture.height // 512))
        for tile in range(1, tiles + 1):
            await context.step(tile, tiles, None)
        enlarged.append(large)
    return Result((enlarged,))


def _grow_mask(_: RunContext, inputs: Inputs) -> Result:
    return Result((grown(inputs["mask"], int(inputs["expand"])),))


def _invert_mask(_: RunContext, inputs: Inputs) -> Result:
    return Result((ImageOps.invert(inputs["mask"]),))


def _image_to_mask(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    channel = str(inputs["channel"])[0].upper()
    if channel == "A":
        return Result((Image.new("L", pictures[0].size, 255),))
    return Result((pictures[0].convert("RGB").getchannel(channel),))


def _mask_to_image(_: RunContext, inputs: Inputs) -> Result:
    mask: Image.Image = inputs["mask"]
    return Result(([mask.convert("RGB")],))


def _invert_image(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    return Result(([ImageChops.invert(picture) for picture in pictures],))


def _repeat_image(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    return Result((pictures * int(inputs["amount"]),))


def _batch_images(_: RunContext, inputs: Inputs) -> Result:
    first: Pictures = inputs["image1"]
    second: Pictures = inputs["image2"]
    return Result(([*first, *(ImageOps.fit(picture, first[0].size) for picture in second)],))


def _crop_image(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    left, top, width, height = (int(inputs[name]) for name in ("x", "y", "width", "height"))
    box = left, top, left + width, top + height
    return Result(([picture.crop(box) for picture in pictures],))


def _composite_images(_: RunContext, inputs: Inputs) -> Result:
    beneath: Pictures = inputs["destination"]
    above: Pictures = inputs["source"]
    mask: Image.Image | None = inputs.get("mask")
    corner = int(inputs["x"]), int(inputs["y"])
    composed = []
    for number in range(max(len(beneath), len(above))):
        picture = beneath[number % len(beneath)].copy()
        patch = above[number % len(above)]
        patch = patch.resize(picture.size) if inputs["resize_source"] else patch
        picture.paste(patch, corner, mask.resize(patch.size) if mask is not None else None)
        composed.append(picture)
    return Result((composed,))


def _empty_image(_: RunContext, inputs: Inputs) -> Result:
    color = int(inputs["color"])
    rgb = color >> 16 & 255, color >> 8 & 255, color & 255
    size = int(inputs["width"]), int(inputs["height"])
    return Result(([Image.new("RGB", size, rgb) for _ in range(int(inputs["batch_size"]))],))


async def _image_size(context: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    width, height = pictures[0].size
    await context.show_text(f"width: {width}, height: {height}\n batch size: {len(pictures)}")
    return Result((width, height, len(pictures)))


def _pad_image(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    border = tuple(int(inputs[side]) for side in ("left", "top", "right", "bottom"))
    mask = ImageOps.expand(Image.new("L", pictures[0].size, 0), border, 255)
    return Result(([ImageOps.expand(picture, border, "gray") for picture in pictures], mask))


def _stitch_images(_: RunContext, inputs: Inputs) -> Result:
    first: Pictures = inputs["image1"]
    second: Pictures = inputs.get("image2") or []
    if not second:
        return Result((first,))
    left, right = first[0], ImageOps.contain(second[0], (second[0].width * 8, first[0].height))
    joined = Image.new("RGB", (left.width + right.width, left.height))
    joined.paste(left)
    joined.paste(right, (left.width, 0))
    return Result(([joined],))


def _scale_to_megapixel(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    factor = (1024 * 1024 / (pictures[0].width * pictures[0].height)) ** 0.5
    size = tuple(max(16, round(side * factor / 16) * 16) for side in pictures[0].size)
    return Result(([picture.resize((size[0], size[1])) for picture in pictures],))


def _join_alpha(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["image"]
    alpha = ImageOps.invert(inputs["alpha"])
    joined = [picture.convert("RGBA") for picture in pictures]
    for picture in joined:
        picture.putalpha(alpha.resize(picture.size))
    return Result((joined,))


def _opened(context: RunContext, name: str) -> Image.Image:
    path = context.folders.annotated(name)
    if path is None:
        raise NodeError(f"[Errno 2] No such file or directory: '{name}'", "FileNotFoundError")
    try:
        with Image.open(path) as opened:
            upright: Image.Image = ImageOps.exif_transpose(opened)
            upright.load()
    except (OSError, SyntaxError, ValueError) as error:
        kind = "PIL.UnidentifiedImageError" if "cannot identify" in str(error) else "OSError"
        raise NodeError(str(error), kind) from error
    return upright.convert("RGBA") if upright.mode in {"P", "LA", "PA"} else upright


def _on_black(picture: Image.Image) -> Image.Image:
    return picture.convert("RGB")


SLOW: Final[Mapping[str, SlowNode]] = {
    "GetImageSize": _image_size,
    "ImageUpscaleWithModel": _upscale,
}
QUICK: Final[Mapping[str, QuickNode]] = {
    "EmptyImage": _empty_image,
    "FluxKontextImageScale": _scale_to_megapixel,
    "GrowMask": _grow_mask,
    "ImageBatch": _batch_images,
    "ImageCompositeMasked": _composite_images,
    "ImageCrop": _crop_image,
    "ImageInvert": _invert_image,
    "ImagePadForOutpaint": _pad_image,
    "ImageScale": _scale_image,
    "ImageScaleBy": _scale_image_by,
    "ImageScaleToTotalPixels": _scale_image_to_pixels,
    "ImageStitch": _stitch_images,
    "ImageToMask": _image_to_mask,
    "InvertMask": _invert_mask,
    "JoinImageWithAlpha": _join_alpha,
    "LoadImage": _load_image,
    "LoadImageMask": _load_mask,
    "MaskToImage": _mask_to_image,
    "RepeatImageBatch": _repeat_image,
}
