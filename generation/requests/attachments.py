"""What people attach, verified by its bytes: pictures, masks, videos and sounds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from generation.errors import FailureKind, RequestRefused
from generation.media import imaging
from generation.media.decoding import decode
from generation.media.imaging import CheckedImage, InvalidImage
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
"""What a file is called on a backend, by its type."""

_EXPECTED = {
    InputType.VIDEO: "This is no video that can be used. Attach an MP4, MOV or WebM file.",
    InputType.AUDIO: "This is no sound that can be used. Attach an MP3, WAV, FLAC, OGG or M4A.",
}
_FAMILIES = {InputType.VIDEO: "video/", InputType.AUDIO: "audio/"}
_BOX_HEADER = 8
_MPEG_SYNC = 0xFFE0
_MPEG_RESERVED_RATE = 3


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


def media_type_of(content: bytes) -> str | None:
    """The type of a video or a sound by its bytes; None for anything else."""
    match content[:4]:
        case b"RIFF" if content[8:12] == b"WAVE":
            return "audio/wav"
        case b"fLaC":
            return "audio/flac"
        case b"OggS":
            return "audio/ogg"
        case b"\x1a\x45\xdf\xa3" if b"webm" in content[:64]:
            return "video/webm"
    if content[:3] == b"ID3" or _is_mpeg_frame(content):
        return "audio/mpeg"
    return _type_of_boxes(content)


async def _verify_picture(
    wanted: Input, content: bytes, size: tuple[int, int] | None
) -> CheckedImage:
    if wanted.type is not InputType.MASK:
        return await decode(imaging.verify_input, content, max_pixels=wanted.max_pixels)
    if size is None:
        raise InvalidImage("A mask needs the picture it belongs to: attach that as well.")
    mask = await decode(imaging.verify_mask, content, size)
    return CheckedImage(mask, "png", *size)


def _verify_media(wanted: InputType, content: bytes) -> CheckedFile:
    if len(content) > MAX_MEDIA_BYTES:
        raise InvalidImage(
            "The file is too large; at most {limit} MiB can be taken. Make it shorter.",
            {"limit": MAX_MEDIA_BYTES // 1024**2},
        )
    media_type = media_type_of(content)
    if media_type is None or not media_type.startswith(_FAMILIES[wanted]):
        raise InvalidImage(_EXPECTED[wanted])
    return CheckedFile(content, media_type)


def _is_mpeg_frame(content: bytes) -> bool:
    """ISO 11172-3: eleven set bits, then a version, a layer and a rate that are not reserved."""
    head = int.from_bytes(content[:2], "big") if len(content) > _BOX_HEADER else 0
    if head & _MPEG_SYNC != _MPEG_SYNC:
        return False
    version, layer, rate = head >> 3 & 3, head >> 1 & 3, content[2] >> 2 & 3
    return version != 1 and layer != 0 and rate != _MPEG_RESERVED_RATE


def _type_of_boxes(content: bytes) -> str | None:
    """ISO 14496-12: a file of boxes, the first its type, one of them its index."""
    if content[4:8] != b"ftyp" or b"moov" not in _boxes(content):
        return None
    brand = content[8:12]
    if brand == b"qt  ":
        return "video/quicktime"
    return "audio/mp4" if brand in {b"M4A ", b"M4B "} else "video/mp4"


def _boxes(content: bytes) -> Iterator[bytes]:
    """The names of the boxes at the top; ends where they do not fit into the file."""
    start = 0
    while start + _BOX_HEADER <= len(content):
        size = int.from_bytes(content[start : start + 4], "big")
        if size == 1:  # a size of 64 bits follows the name
            size = int.from_bytes(content[start + 8 : start + 16], "big")
        elif size == 0:  # until the end
            size = len(content) - start
        if size < _BOX_HEADER or start + size > len(content):
            return
        yield content[start + 4 : start + 8]
        start += size
