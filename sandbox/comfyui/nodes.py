"""The node classes of the stand-in: each a function from its inputs to its outputs."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from PIL import Image, ImageChops, ImageFilter, ImageOps
from PIL.PngImagePlugin import PngInfo

from sandbox.comfyui import painter
from sandbox.comfyui.folders import Folders, OutsideFolderError
from sandbox.comfyui.sampling import Sampling
from sandbox.comfyui.values import (
    Clip,
    Conditioning,
    Guider,
    Latent,
    Model,
    Pictures,
    Sigmas,
    UpscaleModel,
    Vae,
)

Produced = TypeVar("Produced")
Inputs: TypeAlias = Mapping[str, Any]

FILTERS: Final[Mapping[str, Image.Resampling]] = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
LATENT_GRID: Final = 8
"""Pixels a side that one latent value stands for; sizes are rounded down to it."""


class RunContext(Protocol):
    """What a running node may ask of the server."""

    folders: Folders
    graph: Mapping[str, Any]
    extra_data: Mapping[str, Any]

    async def load(self, name: str) -> None:
        """Wait as long as loading this model takes; a loaded model takes no time."""

    async def step(
        self, value: int, maximum: int, preview: Callable[[], Image.Image] | None
    ) -> None:
        """Report one finished step; raises when the run was interrupted."""

    async def show_text(self, text: str) -> None:
        """Send a text frame about this node."""

    async def show_picture(self, value: int, maximum: int, picture: Image.Image) -> None:
        """Send a picture as a result over the socket."""

    async def in_thread(self, function: Callable[..., Produced], *arguments: object) -> Produced:
        """Run something slow in the server's worker thread."""


@dataclass(frozen=True)
class Result:
    """What a node gives to the nodes behind it, and what it reports to clients."""

    outputs: tuple[Any, ...] = ()
    ui: dict[str, Any] | None = None


QuickNode: TypeAlias = Callable[[RunContext, Inputs], Result]
SlowNode: TypeAlias = Callable[[RunContext, Inputs], Awaitable[Result]]


class NodeError(Exception):
    """A node failed; `exception_type` is the name a client is told."""

    def __init__(self, message: str, exception_type: str = "Exception") -> None:
        super().__init__(message)
        self.exception_type = exception_type


async def run_node(class_type: str, context: RunContext, inputs: Inputs) -> Result:
    """Run a class's function, a plain one in the worker thread."""
    quick = QUICK_NODES.get(class_type)
    if quick is not None:
        return await context.in_thread(quick, context, inputs)
    return await SLOW_NODES[class_type](context, inputs)


async def _load_checkpoint(context: RunContext, inputs: Inputs) -> Result:
    name = inputs["ckpt_name"]
    await context.load(name)
    return Result((Model(name), Clip(name), Vae(name)))


async def _load_diffusion_model(context: RunContext, inputs: Inputs) -> Result:
    await context.load(inputs["unet_name"])
    return Result((Model(inputs["unet_name"]),))


async def _load_text_encoder(context: RunContext, inputs: Inputs) -> Result:
    names = [inputs[key] for key in sorted(inputs) if key.startswith("clip_name")]
    for name in names:
        await context.load(name)
    return Result((Clip("+".join(names)),))


async def _load_vae(context: RunContext, inputs: Inputs) -> Result:
    await context.load(inputs["vae_name"])
    return Result((Vae(inputs["vae_name"]),))


async def _load_lora(context: RunContext, inputs: Inputs) -> Result:
    name = inputs["lora_name"]
    await context.load(name)
    model: Model = inputs["model"]
    patched = replace(model, loras=(*model.loras, (name, float(inputs["strength_model"]))))
    clip: Clip | None = inputs.get("clip")
    if clip is None:
        return Result((patched,))
    strength = float(inputs["strength_clip"])
    return Result((patched, replace(clip, loras=(*clip.loras, (name, strength)))))


async def _load_upscale_model(context: RunContext, inputs: Inputs) -> Result:
    name = inputs["model_name"]
    await context.load(name)
    factor = next((int(digit) for digit in "2348" if f"x{digit}" in name or f"{digit}x" in name), 4)
    return Result((UpscaleModel(name, factor),))


def _encode_text(_: RunContext, inputs: Inputs) -> Result:
    return Result((Conditioning(str(inputs["text"])),))


def _encode_text_flux(_: RunContext, inputs: Inputs) -> Result:
    text = str(inputs["t5xxl"]) or str(inputs["clip_l"])
    return Result((Conditioning(text, float(inputs["guidance"])),))


def _zero_out(_: RunContext, inputs: Inputs) -> Result:
    conditioning: Conditioning = inputs["conditioning"]
    return Result((replace(conditioning, text=""),))


def _flux_guidance(_: RunContext, inputs: Inputs) -> Result:
    conditioning: Conditioning = inputs["conditioning"]
    return Result((replace(conditioning, guidance=float(inputs["guidance"])),))


def _pass_clip(_: RunContext, inputs: Inputs) -> Result:
    return Result((inputs["clip"],))


def _pass_model(_: RunContext, inputs: Inputs) -> Result:
    return Result((inputs["model"],))


def _empty_latent(_: RunContext, inputs: Inputs) -> Result:
    width, height = (_on_grid(int(inputs[side])) for side in ("width", "height"))
    return Result((Latent(width, height, int(inputs["batch_size"])),))


def _decode(_: RunContext, inputs: Inputs) -> Result:
    latent: Latent = inputs["samples"]
    pictures = list(latent.pictures) or [
        Image.new("RGB", (latent.width, latent.height), (127, 121, 116))
        for _ in range(latent.batch)
    ]
    return Result((pictures,))


def _encode(_: RunContext, inputs: Inputs) -> Result:
    return Result((_latent_of(inputs["pixels"]),))


def _encode_for_inpaint(_: RunContext, inputs: Inputs) -> Result:
    mask = _grown(inputs["mask"], int(inputs["grow_mask_by"]))
    return Result((replace(_latent_of(inputs["pixels"]), mask=mask),))


def _set_noise_mask(_: RunContext, inputs: Inputs) -> Result:
    latent: Latent = inputs["samples"]
    return Result((replace(latent, mask=inputs["mask"]),))


def _condition_inpainting(_: RunContext, inputs: Inputs) -> Result:
    latent = _latent_of(inputs["pixels"])
    if inputs.get("noise_mask", True):
        latent = replace(latent, mask=inputs["mask"])
    return Result((inputs["positive"], inputs["negative"], latent))


def _repeat_latent(_: RunContext, inputs: Inputs) -> Result:
    latent: Latent = inputs["samples"]
    amount = int(inputs["amount"])
    repeated = replace(latent, batch=latent.batch * amount, pictures=latent.pictures * amount)
    return Result((repeated,))


def _scale_latent(_: RunContext, inputs: Inputs) -> Result:
    latent: Latent = inputs["samples"]
    if "scale_by" in inputs:
        factor = float(inputs["scale_by"])
        size = round(latent.width * factor), round(latent.height * factor)
    else:
        size = _wanted_size(
            int(inputs["width"]), int(inputs["height"]), (latent.width, latent.height)
        )
    width, height = _on_grid(size[0]), _on_grid(size[1])
    chosen = FILTERS.get(str(inputs["upscale_method"]), Image.Resampling.BICUBIC)
    pictures = tuple(picture.resize((width, height), chosen) for picture in latent.pictures)
    mask = latent.mask.resize((width, height)) if latent.mask else None
    return Result((replace(latent, width=width, height=height, pictures=pictures, mask=mask),))


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
        size = _wanted_size(*wanted, picture.size)
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
    enlarged = []
    for picture in pictures:
        large = await context.in_thread(painter.enlarge, picture, model.factor)
        tiles = max(1, -(-picture.width // 512)) * max(1, -(-picture.height // 512))
        for tile in range(1, tiles + 1):
            await context.step(tile, tiles, None)
        enlarged.append(large)
    return Result((enlarged,))


def _grow_mask(_: RunContext, inputs: Inputs) -> Result:
    return Result((_grown(inputs["mask"], int(inputs["expand"])),))


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


def _random_noise(_: RunContext, inputs: Inputs) -> Result:
    return Result((int(inputs["noise_seed"]),))


def _select_sampler(_: RunContext, inputs: Inputs) -> Result:
    return Result((str(inputs["sampler_name"]),))


def _schedule(_: RunContext, inputs: Inputs) -> Result:
    return Result((Sigmas(int(inputs["steps"]), float(inputs["denoise"])),))


def _basic_guider(_: RunContext, inputs: Inputs) -> Result:
    conditioning: Conditioning = inputs["conditioning"]
    cfg = conditioning.guidance if conditioning.guidance is not None else 3.5
    return Result((Guider(inputs["model"], conditioning, Conditioning(""), cfg),))


def _cfg_guider(_: RunContext, inputs: Inputs) -> Result:
    guider = Guider(inputs["model"], inputs["positive"], inputs["negative"], float(inputs["cfg"]))
    return Result((guider,))


async def _sample(context: RunContext, inputs: Inputs) -> Result:
    guider = Guider(inputs["model"], inputs["positive"], inputs["negative"], float(inputs["cfg"]))
    sampling = Sampling(
        guider=guider,
        seed=int(inputs["seed"]),
        steps=int(inputs["steps"]),
        denoise=float(inputs["denoise"]),
        latent=inputs["latent_image"],
    )
    return Result((await sampling.run(context),))


async def _sample_advanced(context: RunContext, inputs: Inputs) -> Result:
    guider = Guider(inputs["model"], inputs["positive"], inputs["negative"], float(inputs["cfg"]))
    total = int(inputs["steps"])
    first = min(int(inputs["start_at_step"]), total)
    last = min(int(inputs["end_at_step"]), total)
    latent: Latent = inputs["latent_image"]
    sampling = Sampling(
        guider=guider,
        seed=int(inputs["noise_seed"]),
        steps=max(last - first, 0),
        denoise=(total - first) / total if latent.pictures else 1.0,
        latent=latent,
        unfinished=(total - last) / total
        if inputs["return_with_leftover_noise"] == "enable"
        else 0.0,
    )
    return Result((await sampling.run(context),))


async def _sample_custom(context: RunContext, inputs: Inputs) -> Result:
    sigmas: Sigmas = inputs["sigmas"]
    sampling = Sampling(
        guider=inputs["guider"],
        seed=int(inputs["noise"]),
        steps=sigmas.steps,
        denoise=sigmas.denoise,
        latent=inputs["latent_image"],
    )
    sampled = await sampling.run(context)
    return Result((sampled, sampled))


def _save(context: RunContext, inputs: Inputs) -> Result:
    return _saved(context, inputs["images"], "output", str(inputs["filename_prefix"]), 4)


def _preview(context: RunContext, inputs: Inputs) -> Result:
    prefix = f"ComfyUI_temp_{context.folders.temp_tag}"
    return _saved(context, inputs["images"], "temp", prefix, 1)


async def _send_over_socket(context: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["images"]
    for number, picture in enumerate(pictures):
        await context.show_picture(number, len(pictures), picture)
    return Result()


def _preview_any(_: RunContext, inputs: Inputs) -> Result:
    source = inputs.get("source")
    text = source if isinstance(source, str) else json.dumps(source, default=str)
    return Result((text,), {"text": [text]})


def _saved(
    context: RunContext, pictures: Pictures, kind: str, prefix: str, compress_level: int
) -> Result:
    try:
        place = context.folders.next_file(kind, prefix, pictures[0].size)
    except OutsideFolderError as outside:
        message = (
            "**** ERROR: Saving image outside the output folder is not allowed."
            f"\n full_output_folder: {Path(str(outside)).parent}"
            f"\n         output_dir: {context.folders.folder(kind)}"
        )
        raise NodeError(message) from outside
    directory, subfolder, base, counter = place
    images = []
    for number, picture in enumerate(pictures):
        filename = f"{base.replace('%batch_num%', str(number))}_{counter + number:05}_.png"
        picture.save(
            directory / filename, pnginfo=_text_chunks(context), compress_level=compress_level
        )
        images.append({"filename": filename, "subfolder": subfolder, "type": kind})
    return Result((pictures,), {"images": images})


def _text_chunks(context: RunContext) -> PngInfo:
    chunks = PngInfo()
    chunks.add_text("prompt", json.dumps(context.graph))
    for name, value in (context.extra_data.get("extra_pnginfo") or {}).items():
        chunks.add_text(name, json.dumps(value))
    return chunks


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


def _latent_of(pictures: Pictures) -> Latent:
    first = pictures[0]
    width, height = _on_grid(first.width), _on_grid(first.height)
    left, top = (first.width - width) // 2, (first.height - height) // 2
    cropped = tuple(
        picture.convert("RGB").crop((left, top, left + width, top + height)) for picture in pictures
    )
    return Latent(width, height, len(cropped), cropped)


def _grown(mask: Image.Image, pixels: int) -> Image.Image:
    if pixels == 0:
        return mask
    size = abs(pixels) * 2 + 1
    return mask.filter(ImageFilter.MaxFilter(size) if pixels > 0 else ImageFilter.MinFilter(size))


def _wanted_size(width: int, height: int, size: tuple[int, int]) -> tuple[int, int]:
    """Fill in a side given as 0 so that the proportions stay."""
    if width == 0 and height == 0:
        return size
    if width == 0:
        width = max(1, round(size[0] * height / size[1]))
    if height == 0:
        height = max(1, round(size[1] * width / size[0]))
    return width, height


def _on_grid(side: int) -> int:
    return max(LATENT_GRID, side // LATENT_GRID * LATENT_GRID)


SLOW_NODES: Final[Mapping[str, SlowNode]] = {
    "CLIPLoader": _load_text_encoder,
    "CheckpointLoaderSimple": _load_checkpoint,
    "DualCLIPLoader": _load_text_encoder,
    "GetImageSize": _image_size,
    "ImageUpscaleWithModel": _upscale,
    "KSampler": _sample,
    "KSamplerAdvanced": _sample_advanced,
    "LoraLoader": _load_lora,
    "LoraLoaderModelOnly": _load_lora,
    "SamplerCustomAdvanced": _sample_custom,
    "SaveImageWebsocket": _send_over_socket,
    "TripleCLIPLoader": _load_text_encoder,
    "UNETLoader": _load_diffusion_model,
    "UpscaleModelLoader": _load_upscale_model,
    "VAELoader": _load_vae,
}
"""Classes that wait or report on the way."""

QUICK_NODES: Final[Mapping[str, QuickNode]] = {
    "BasicGuider": _basic_guider,
    "BasicScheduler": _schedule,
    "CFGGuider": _cfg_guider,
    "CLIPSetLastLayer": _pass_clip,
    "CLIPTextEncode": _encode_text,
    "CLIPTextEncodeFlux": _encode_text_flux,
    "ConditioningZeroOut": _zero_out,
    "DifferentialDiffusion": _pass_model,
    "EmptyFlux2LatentImage": _empty_latent,
    "EmptyImage": _empty_image,
    "EmptyLatentImage": _empty_latent,
    "EmptySD3LatentImage": _empty_latent,
    "FluxGuidance": _flux_guidance,
    "GrowMask": _grow_mask,
    "ImageBatch": _batch_images,
    "ImageCompositeMasked": _composite_images,
    "ImageCrop": _crop_image,
    "ImageInvert": _invert_image,
    "ImageScale": _scale_image,
    "ImageScaleBy": _scale_image_by,
    "ImageScaleToTotalPixels": _scale_image_to_pixels,
    "ImageToMask": _image_to_mask,
    "InpaintModelConditioning": _condition_inpainting,
    "InvertMask": _invert_mask,
    "KSamplerSelect": _select_sampler,
    "LatentUpscale": _scale_latent,
    "LatentUpscaleBy": _scale_latent,
    "LoadImage": _load_image,
    "LoadImageMask": _load_mask,
    "MaskToImage": _mask_to_image,
    "ModelSamplingFlux": _pass_model,
    "ModelSamplingSD3": _pass_model,
    "PreviewAny": _preview_any,
    "PreviewImage": _preview,
    "RandomNoise": _random_noise,
    "RepeatImageBatch": _repeat_image,
    "RepeatLatentBatch": _repeat_latent,
    "SaveImage": _save,
    "SetLatentNoiseMask": _set_noise_mask,
    "VAEDecode": _decode,
    "VAEDecodeTiled": _decode,
    "VAEEncode": _encode,
    "VAEEncodeForInpaint": _encode_for_inpaint,
}
"""Classes that compute and are done."""
