"""Node classes that make, encode, decode and mask latents."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from PIL import Image

from sandbox.comfyui.nodes.geometry import FILTERS, grown, on_grid, wanted_size
from sandbox.comfyui.nodes.running import Inputs, QuickNode, Result, RunContext
from sandbox.comfyui.nodes.values import Latent, Pictures

SHAPELESS_SIDE: Final = 64
"""Pixels a side of what is sampled for a sound or a 3D model, and seen in previews alone."""


def _empty_latent(context: RunContext, inputs: Inputs) -> Result:
    return Result((_empty(context, inputs, int(inputs["batch_size"])),))


def _empty_shapeless(_: RunContext, _inputs: Inputs) -> Result:
    return Result((Latent(SHAPELESS_SIDE, SHAPELESS_SIDE, 1),))


def _start_video(context: RunContext, inputs: Inputs) -> Result:
    """Give a canvas for one frame: all videos are saved as the same clip."""
    return Result((_empty(context, inputs, 1),))


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
    mask = grown(inputs["mask"], int(inputs["grow_mask_by"]))
    return Result((replace(_latent_of(inputs["pixels"]), mask=mask),))


def _set_noise_mask(_: RunContext, inputs: Inputs) -> Result:
    latent: Latent = inputs["samples"]
    return Result((replace(latent, mask=inputs["mask"]),))


def _condition_inpainting(_: RunContext, inputs: Inputs) -> Result:
    latent = replace(_latent_of(inputs["pixels"]), mask=inputs["mask"])
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
        size = wanted_size(
            int(inputs["width"]), int(inputs["height"]), (latent.width, latent.height)
        )
    width, height = on_grid(size[0]), on_grid(size[1])
    chosen = FILTERS.get(str(inputs["upscale_method"]), Image.Resampling.BICUBIC)
    pictures = tuple(picture.resize((width, height), chosen) for picture in latent.pictures)
    mask = latent.mask.resize((width, height)) if latent.mask else None
    return Result((replace(latent, width=width, height=height, pictures=pictures, mask=mask),))


def _empty(context: RunContext, inputs: Inputs, batch: int) -> Latent:
    wanted = int(inputs["width"]), int(inputs["height"])
    scale = min(1.0, (context.largest_drawing or math.inf) / max(wanted))
    return Latent(on_grid(round(wanted[0] * scale)), on_grid(round(wanted[1] * scale)), batch)


def _latent_of(pictures: Pictures) -> Latent:
    first = pictures[0]
    width, height = on_grid(first.width), on_grid(first.height)
    left, top = (first.width - width) // 2, (first.height - height) // 2
    cropped = tuple(
        picture.convert("RGB").crop((left, top, left + width, top + height)) for picture in pictures
    )
    return Latent(width, height, len(cropped), cropped)


QUICK: Final[Mapping[str, QuickNode]] = {
    "EmptyAceStep1.5LatentAudio": _empty_shapeless,
    "EmptyFlux2LatentImage": _empty_latent,
    "EmptyLTXVLatentVideo": _start_video,
    "EmptyLatentAudio": _empty_shapeless,
    "EmptyLatentHunyuan3Dv2": _empty_shapeless,
    "EmptyLatentImage": _empty_latent,
    "EmptySD3LatentImage": _empty_latent,
    "InpaintModelConditioning": _condition_inpainting,
    "LTXVEmptyLatentAudio": _empty_shapeless,
    "LatentUpscale": _scale_latent,
    "LatentUpscaleBy": _scale_latent,
    "RepeatLatentBatch": _repeat_latent,
    "SetLatentNoiseMask": _set_noise_mask,
    "VAEDecode": _decode,
    "VAEDecodeTiled": _decode,
    "VAEEncode": _encode,
    "VAEEncodeForInpaint": _encode_for_inpaint,
    "VAEEncodeTiled": _encode,
    "Wan22ImageToVideoLatent": _start_video,
}
