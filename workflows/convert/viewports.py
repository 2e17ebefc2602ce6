"""Initial state of the editor's 3D viewers: the position of the camera."""

from collections.abc import Mapping
from typing import Any

from workflows.untrusted import as_dict

VIEWPORT = "LOAD_3D"
"""The widget of a 3D viewer. Its state is taken from the viewer, whatever the file has for it."""

_CAMERA: Mapping[str, Any] = {
    "position": {"x": 10, "y": 10, "z": 10.000000000000002},
    "target": {"x": 0, "y": 0, "z": 0},
    "zoom": 1,
    "cameraType": "perspective",
    "quaternion": {
        "x": -0.2798481423331213,
        "y": 0.3647051996310008,
        "z": 0.11591689595929511,
        "w": 0.8804762392171493,
    },
    "fov": 35,
    "aspect": 1,
    "near": 0.01,
    "far": 10000,
    "frustum": {"left": -5, "right": 5, "top": 5, "bottom": -5},
}
"""A new viewer's, in frontend 1.58.1."""


def build_viewport(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the initial state of a 3D viewer, with the camera of its node's properties."""
    state = as_dict(properties.get("Camera Config")).get("state")
    drawn = {"image": "", "mask": "", "normal": "", "recording": ""}
    camera = state if isinstance(state, dict) else dict(_CAMERA)
    return {**drawn, "camera_info": camera, "model_3d_info": []}
