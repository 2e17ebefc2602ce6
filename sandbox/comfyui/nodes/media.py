"""Node classes whose results are sound, moving pictures, text files and 3D.

There are no encoders for audio and video: whatever is saved as such is the same short clip.
Animated pictures, texts and the cube are generated.
"""

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from sandbox.comfyui.nodes.cube import build_cube
from sandbox.comfyui.nodes.running import Inputs, NodeError, QuickNode, Result, RunContext
from sandbox.comfyui.nodes.values import Pictures

Writer = Callable[[Path], object]

OLD_VERSION: Final = "0.3.64"


def _empty_audio(_: RunContext, inputs: Inputs) -> Result:
    return Result((f"{inputs['duration']} s of sound",))


def _save_audio(extension: str) -> QuickNode:
    def run(context: RunContext, inputs: Inputs) -> Result:
        prefix = str(inputs["filename_prefix"])
        return _saved_audio(context, inputs, "output", prefix, extension)

    return run


def _preview_audio(context: RunContext, inputs: Inputs) -> Result:
    prefix = f"ComfyUI_temp_{context.folders.temp_tag}"
    return _saved_audio(context, inputs, "temp", prefix, "flac")


def _saved_audio(
    context: RunContext, inputs: Inputs, kind: str, prefix: str, extension: str
) -> Result:
    ending = f"_.{extension}" if context.version == OLD_VERSION else f".{extension}"
    item = _write(context, kind, prefix, ending, _clip(f"tone.{extension}"))
    return Result((inputs["audio"],), {"audio": [item]})


def _save_video(context: RunContext, inputs: Inputs) -> Result:
    wanted = str(inputs["format"])
    extension = wanted if wanted in {"mp4", "webm"} else "mp4"
    if wanted == "mkv":
        raise NodeError("The stand-in has no Matroska clip.", "ValueError")
    return _moving(context, inputs, inputs["video"], extension, _clip(f"clip.{extension}"))


def _save_webm(context: RunContext, inputs: Inputs) -> Result:
    return _moving(context, inputs, inputs["images"], "webm", _clip("clip.webm"))


def _save_animated(extension: str) -> QuickNode:
    def run(context: RunContext, inputs: Inputs) -> Result:
        pictures: Pictures = inputs["images"]

        def write(path: Path) -> None:
            pictures[0].save(
                path,
                save_all=True,
                append_images=pictures[1:],
                duration=round(1000 / float(inputs["fps"])),
                loop=0,
            )

        return _moving(context, inputs, pictures, extension, write)

    return run


def _moving(
    context: RunContext, inputs: Inputs, pictures: Pictures, extension: str, write: Writer
) -> Result:
    """Videos are listed under `images` too, with an `animated` flag beside them."""
    prefix = str(inputs["filename_prefix"])
    item = _write(context, "output", prefix, f"_.{extension}", write, pictures[0].size)
    return Result((pictures,), {"images": [item], "animated": [True]})


def _save_text(context: RunContext, inputs: Inputs) -> Result:
    text = str(inputs["text"])

    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    prefix, ending = str(inputs["filename_prefix"]), f".{inputs['format']}"
    item = _write(context, "output", prefix, ending, write)
    return Result((text,), {"text": [text], "files": [item]})


def _save_glb(context: RunContext, inputs: Inputs) -> Result:
    def write(path: Path) -> None:
        path.write_bytes(build_cube())

    item = _write(context, "output", str(inputs["filename_prefix"]), "_.glb", write)
    return Result((), {"3d": [item]})


def _clip(name: str) -> Writer:
    def write(path: Path) -> None:
        clip = resources.files("sandbox.comfyui").joinpath("data", "media", name)
        path.write_bytes(clip.read_bytes())

    return write


def _write(
    context: RunContext,
    kind: str,
    prefix: str,
    ending: str,
    write: Writer,
    size: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    directory, subfolder, base, counter = context.folders.next_file(kind, prefix, size)
    filename = f"{base}_{counter:05}{ending}"
    write(directory / filename)
    return {"filename": filename, "subfolder": subfolder, "type": kind}


QUICK: Final[Mapping[str, QuickNode]] = {
    "EmptyAudio": _empty_audio,
    "PreviewAudio": _preview_audio,
    "SaveAnimatedPNG": _save_animated("png"),
    "SaveAnimatedWEBP": _save_animated("webp"),
    "SaveAudio": _save_audio("flac"),
    "SaveAudioMP3": _save_audio("mp3"),
    "SaveGLB": _save_glb,
    "SaveText": _save_text,
    "SaveVideo": _save_video,
    "SaveWEBM": _save_webm,
}
