"""A cube as binary glTF 2.0, the smallest honest 3D file."""

import itertools
import json
import struct
from typing import Final

_CORNERS: Final = tuple(itertools.product((-0.5, 0.5), repeat=3))
_TRIANGLES: Final = (
    (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
    (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
)  # fmt: skip
_UNSIGNED_SHORT: Final = 5123
_FLOAT: Final = 5126


def build_cube() -> bytes:
    """Return a GLB file with one mesh: header, a JSON chunk, a binary chunk."""
    corners = b"".join(struct.pack("<3f", *corner) for corner in _CORNERS)
    triangles = b"".join(struct.pack("<3H", *triangle) for triangle in _TRIANGLES)
    document = json.dumps(_describe(len(corners), len(triangles)), separators=(",", ":")).encode()
    chunks = _chunk(b"JSON", document, b" ") + _chunk(b"BIN\0", corners + triangles, b"\0")
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _chunk(name: bytes, content: bytes, filler: bytes) -> bytes:
    """Chunks are filled up to whole words."""
    content += filler * (-len(content) % 4)
    return struct.pack("<I4s", len(content), name) + content


def _describe(corner_bytes: int, triangle_bytes: int) -> dict[str, object]:
    positions = {
        "bufferView": 0,
        "componentType": _FLOAT,
        "count": len(_CORNERS),
        "type": "VEC3",
        "min": [-0.5] * 3,
        "max": [0.5] * 3,
    }
    indices = {
        "bufferView": 1,
        "componentType": _UNSIGNED_SHORT,
        "count": 3 * len(_TRIANGLES),
        "type": "SCALAR",
    }
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [positions, indices],
        "bufferViews": [
            {"buffer": 0, "byteLength": corner_bytes},
            {"buffer": 0, "byteOffset": corner_bytes, "byteLength": triangle_bytes},
        ],
        "buffers": [{"byteLength": corner_bytes + triangle_bytes}],
    }
