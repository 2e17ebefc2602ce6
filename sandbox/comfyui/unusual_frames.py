"""Malformed and unknown frames, and a prompt of another client, for robustness tests."""

import json
import struct
from typing import Any, Final

from sandbox.comfyui.models import Installation

GARBAGE: Final = b"\xff\xd8\xff\xe0 this is no picture \x00\x01\x02"

FRAMES: Final[tuple[str | bytes, ...]] = (
    json.dumps({"type": "crystools.monitor", "data": {"cpu_utilization": 12.5}}),
    json.dumps({"type": "logs", "data": {"entries": []}}),
    json.dumps({"type": "executing"}),
    json.dumps({"data": {}}),
    json.dumps([1, 2, 3]),
    "{not json",
    "",
    b"",
    b"\x00\x00",
    struct.pack(">I", 99) + b"an event of a later version",
    struct.pack(">II", 4, 4096) + b"{}",
    struct.pack(">II", 4, 8) + b"not json" + GARBAGE,
    struct.pack(">II", 3, 4096) + b"x",
    struct.pack(">II", 1, 7) + GARBAGE,
)


def big_picture(size: int) -> bytes:
    """Return `size` bytes that begin like a JPEG file."""
    return GARBAGE + bytes(max(0, size - len(GARBAGE)))


def anonymous_graph(installation: Installation, steps: int) -> dict[str, Any]:
    """Return a small txt2img graph, as another client would send it."""
    checkpoint = installation.models["checkpoints"][0]
    return {
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 7,
                "steps": steps,
                "cfg": 4.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["6", 0],
                "latent_image": ["5", 0],
            },
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
        "5": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1},
        },
        "6": {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": "somebody else's secret", "clip": ["4", 1]},
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {
            "class_type": "SaveImage",
            "inputs": {"filename_prefix": "stranger", "images": ["8", 0]},
        },
    }
