"""What a result is by its name, told alike on every machine: systems' own lists differ."""

import mimetypes

UNKNOWN = "application/octet-stream"

_TYPES = mimetypes.MimeTypes(filenames=())
for _extension, _media_type in {
    "apng": "image/apng",
    "avif": "image/avif",
    "exr": "image/x-exr",
    "heic": "image/heic",
    "jxl": "image/jxl",
    "webp": "image/webp",
    "m4v": "video/mp4",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "obj": "model/obj",
    "stl": "model/stl",
}.items():
    _TYPES.add_type(_media_type, f".{_extension}")


def guess_media_type(filename: str) -> str:
    """The media type that the extension stands for."""
    return _TYPES.guess_type(filename)[0] or UNKNOWN
