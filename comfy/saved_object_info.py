"""A response of /object_info that was saved as a file."""

import gzip
import json
import zlib
from pathlib import Path

from comfy.protocol.object_info import ObjectInfo

MAX_BYTES = 256 * 1024 * 1024
"""Bytes after decompression; backends with very many custom nodes have some 30 MB."""

_GZIP = b"\x1f\x8b"


def load_object_info(path: Path) -> ObjectInfo:
    """Load a saved response, optionally gzipped. Raises OSError, ValueError with a sentence."""
    with path.open("rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        try:
            stream = gzip.GzipFile(fileobj=file) if is_packed else file
            content = stream.read(MAX_BYTES + 1)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is a damaged gzip file: save it again.") from error
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path} is larger than 256 MiB: not an /object_info.")
    try:
        return ObjectInfo.parse(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not what ComfyUI answers under /object_info: save that address of a "
            "running ComfyUI."
        ) from error
