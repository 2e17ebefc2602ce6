"""Detection of container formats by content, because file names are unreliable."""

from collections.abc import Callable, Iterator
from enum import StrEnum

from workflows.carriers.iso import read_iso
from workflows.carriers.jpeg import SIGNATURE as JPEG
from workflows.carriers.jpeg import read_jpeg
from workflows.carriers.matroska import SIGNATURE as MATROSKA
from workflows.carriers.matroska import read_matroska
from workflows.carriers.png import SIGNATURE as PNG
from workflows.carriers.png import read_png
from workflows.carriers.safetensors import looks_like_safetensors, read_safetensors
from workflows.carriers.sound import read_flac, read_mp3, read_ogg
from workflows.carriers.texts import Text
from workflows.carriers.webp import read_webp


class Container(StrEnum):
    """A container format; the value is its name in sentences."""

    JSON = "JSON file"
    PNG = "PNG picture"
    WEBP = "WebP picture"
    JPEG = "JPEG picture"
    ISO = "MP4 or MOV film"
    MATROSKA = "WebM or MKV film"
    FLAC = "FLAC file"
    OGG = "Ogg file"
    MP3 = "MP3 file"
    SAFETENSORS = "latent or model file"


def detect(content: memoryview) -> Container | None:
    """Return the format of a file; None for one that cannot carry a workflow."""
    head = bytes(content[:16])
    for container, signature in _SIGNATURES.items():
        if head.startswith(signature):
            return container
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Container.WEBP
    if head[4:8] in (b"ftyp", b"moov", b"wide", b"mdat") and head[8:12] not in _STILL:
        return Container.ISO
    if looks_like_safetensors(content):
        return Container.SAFETENSORS
    return Container.JSON if _looks_like_json(head) else None


def _looks_like_json(head: bytes) -> bool:
    """Return whether this is text: UTF-8 with or without BOM, or UTF-16, as some editors save."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    return not any(byte < ord(" ") and byte not in b"\t\n\r" for byte in head)


_STILL = (b"avif", b"avis", b"heic", b"heix", b"mif1")
"""Brands of still pictures in an ISO container, which ComfyUI does not write."""

_SIGNATURES = {
    Container.PNG: PNG,
    Container.JPEG: JPEG,
    Container.MATROSKA: MATROSKA,
    Container.FLAC: b"fLaC",
    Container.OGG: b"OggS",
    Container.MP3: b"ID3",
}
READERS: dict[Container, Callable[[memoryview], Iterator[Text]]] = {
    Container.PNG: read_png,
    Container.WEBP: read_webp,
    Container.JPEG: read_jpeg,
    Container.ISO: read_iso,
    Container.MATROSKA: read_matroska,
    Container.FLAC: read_flac,
    Container.OGG: read_ogg,
    Container.MP3: read_mp3,
    Container.SAFETENSORS: read_safetensors,
}
"""Readers of the texts in a file, which raise Truncated if it is cut off or damaged."""
