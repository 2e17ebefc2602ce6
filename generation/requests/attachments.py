"""Attached pictures, masks, videos and sounds: accepted types and sizes, verified by content."""

from collections.abc import Mapping

from generation.errors import RequestRefused
from generation.media.decoding import decode
from generation.media.inputs import verify_input, verify_mask
from generation.media.media_types import detect_media_type
from generation.media.normalising import InvalidImage
from generation.record import InputFile
from generation.request import FetchFile
from workflows.manifest import InputType
from workflows.workflow import Workflow

MAX_MEDIA_BYTES = 25 * 1024 * 1024
"""Bytes of a video or sound: minutes of either; it is stored in the database until it runs."""

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
"""Accepted media types, with the file extensions used on a backend."""

_EXPECTED = {
    InputType.VIDEO: "This isn't a usable video. Attach an MP4, MOV or WebM file.",
    InputType.AUDIO: "This isn't a usable sound. Attach an MP3, WAV, FLAC, OGG or M4A.",
}
_FAMILIES = {InputType.VIDEO: "video/", InputType.AUDIO: "audio/"}


async def verify_attachments(
    workflow: Workflow, files: Mapping[str, FetchFile], *, wants_hashes: bool = False
) -> dict[str, InputFile]:
    """Fetch each file and re-encode it for its input; a mask is fitted to its picture.

    One is fetched at a time, and its original is released. Pictures are hashed on request. Raises
    RequestRefused.
    """
    wanted = {input_.name: input_ for input_ in workflow.manifest.inputs if input_.type.is_attached}
    verified: dict[str, InputFile] = {}
    size: tuple[int, int] | None = None
    for name in sorted(files, key=lambda name: wanted[name].type is InputType.MASK):
        content = await files[name]()
        try:
            if wanted[name].type is InputType.MASK:
                verified[name] = await _verify_mask(name, content, size)
            elif wanted[name].type.is_picture:
                limit = wanted[name].max_pixels
                picture = await decode(
                    verify_input, content, max_pixels=limit, wants_hash=wants_hashes
                )
                own_size = picture.width, picture.height
                size = size or own_size
                verified[name] = InputFile(
                    name, picture.content, picture.media_type, own_size, picture.hash
                )
            else:
                media_type = _verify_media(wanted[name].type, content)
                verified[name] = InputFile(name, content, media_type)
        except InvalidImage as error:
            raise RequestRefused(
                error.kind, error.template, {"option": name, **error.facts}
            ) from error
    return verified


async def _verify_mask(name: str, content: bytes, size: tuple[int, int] | None) -> InputFile:
    if size is None:
        raise InvalidImage("A mask needs its picture. Attach both.")
    return InputFile(name, await decode(verify_mask, content, size), "image/png")


def _verify_media(wanted: InputType, content: bytes) -> str:
    """Return the media type of a video or sound. Raises InvalidImage."""
    if len(content) > MAX_MEDIA_BYTES:
        raise InvalidImage(
            "The file is too large (limit {limit} MiB). Make it shorter.",
            {"limit": MAX_MEDIA_BYTES // 1024**2},
        )
    media_type = detect_media_type(content)
    if media_type not in EXTENSIONS or not media_type.startswith(_FAMILIES[wanted]):
        raise InvalidImage(_EXPECTED[wanted])
    return media_type
