"""Attached pictures, masks, videos and sounds, verified by their content."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from generation.errors import FailureKind, RequestRefused
from generation.media.decoding import decode
from generation.media.imaging import InvalidImage
from generation.media.inputs import CheckedImage, verify_input, verify_mask
from generation.media.media_types import detect_media_type
from generation.request import FetchFile
from workflows.manifest import Input, InputType
from workflows.workflow import Workflow

MAX_MEDIA_BYTES = 25 * 1024 * 1024
"""Bytes of a video or a sound: minutes of either; it is kept in the database until it is run."""

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
}
"""File extensions on a backend, by media type."""

_EXPECTED = {
    InputType.VIDEO: "This is no video that can be used. Attach an MP4, MOV or WebM file.",
    InputType.AUDIO: "This is no sound that can be used. Attach an MP3, WAV, FLAC, OGG or M4A.",
}
_FAMILIES = {InputType.VIDEO: "video/", InputType.AUDIO: "audio/"}


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that was verified, as it is kept and sent to a backend.

    `pixels` are a picture's; a mask has none of its own.
    """

    content: bytes = field(repr=False)
    media_type: str
    pixels: int = 0


async def verify_attachments(
    workflow: Workflow, files: Mapping[str, FetchFile]
) -> dict[str, CheckedFile]:
    """Fetch each file and write it as it is passed on; a mask is fitted to its picture.

    One is fetched after the other, and its original let go. Raises RequestRefused.
    """
    wanted = {one.name: one for one in workflow.manifest.inputs if one.type.is_attached}
    verified: dict[str, CheckedFile] = {}
    size: tuple[int, int] | None = None
    for name in sorted(files, key=lambda name: wanted[name].type is InputType.MASK):
        content = await files[name]()
        try:
            if wanted[name].type.is_picture:
                picture = await _verify_picture(wanted[name], content, size)
                pixels = (
                    0 if wanted[name].type is InputType.MASK else picture.width * picture.height
                )
                size = size or (picture.width, picture.height)
                media_type = f"image/{picture.extension.replace('jpg', 'jpeg')}"
                verified[name] = CheckedFile(picture.content, media_type, pixels)
            else:
                verified[name] = _verify_media(wanted[name].type, content)
        except InvalidImage as error:
            raise RequestRefused(
                FailureKind.INVALID_ATTACHMENT, error.template, {"option": name, **error.facts}
            ) from error
    return verified


async def _verify_picture(
    wanted: Input, content: bytes, size: tuple[int, int] | None
) -> CheckedImage:
    if wanted.type is not InputType.MASK:
        return await decode(verify_input, content, max_pixels=wanted.max_pixels)
    if size is None:
        raise InvalidImage("A mask needs the picture it belongs to: attach that as well.")
    mask = await decode(verify_mask, content, size)
    return CheckedImage(mask, "png", *size)


def _verify_media(wanted: InputType, content: bytes) -> CheckedFile:
    if len(content) > MAX_MEDIA_BYTES:
        raise InvalidImage(
            "The file is too large; at most {limit} MiB can be taken. Make it shorter.",
            {"limit": MAX_MEDIA_BYTES // 1024**2},
        )
    media_type = detect_media_type(content)
    if media_type is None or media_type not in EXTENSIONS:
        raise InvalidImage(_EXPECTED[wanted])
    if not media_type.startswith(_FAMILIES[wanted]):
        raise InvalidImage(_EXPECTED[wanted])
    return CheckedFile(content, media_type)
