"""Node classes that save or show what a graph made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from PIL.PngImagePlugin import PngInfo

from sandbox.comfyui.folders import OutsideFolderError
from sandbox.comfyui.nodes.running import Inputs, NodeError, QuickNode, Result, RunContext, SlowNode
from sandbox.comfyui.nodes.values import Pictures


def _save(context: RunContext, inputs: Inputs) -> Result:
    return _saved(context, inputs["images"], "output", str(inputs["filename_prefix"]))


def _preview(context: RunContext, inputs: Inputs) -> Result:
    prefix = f"ComfyUI_temp_{context.folders.temp_tag}"
    return _saved(context, inputs["images"], "temp", prefix)


async def _send_over_socket(context: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["images"]
    for number, picture in enumerate(pictures):
        await context.show_picture(number, len(pictures), picture)
    return Result()


def _preview_any(_: RunContext, inputs: Inputs) -> Result:
    source = inputs.get("source")
    text = source if isinstance(source, str) else json.dumps(source, default=str)
    return Result((text,), {"text": [text]})


def _saved(context: RunContext, pictures: Pictures, kind: str, prefix: str) -> Result:
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
        # ComfyUI's level for results is 4, which takes twice as long for a tenth fewer bytes.
        picture.save(directory / filename, pnginfo=_text_chunks(context), compress_level=1)
        images.append({"filename": filename, "subfolder": subfolder, "type": kind})
    return Result((pictures,), {"images": images})


def _text_chunks(context: RunContext) -> PngInfo:
    chunks = PngInfo()
    chunks.add_text("prompt", json.dumps(context.graph))
    for name, value in (context.extra_data.get("extra_pnginfo") or {}).items():
        chunks.add_text(name, json.dumps(value))
    return chunks


SLOW: Final[Mapping[str, SlowNode]] = {
    "SaveImageWebsocket": _send_over_socket,
}
QUICK: Final[Mapping[str, QuickNode]] = {
    "PreviewAny": _preview_any,
    "PreviewImage": _preview,
    "SaveImage": _save,
}
