"""Node classes as /object_info describes them, and exports as the editor saves them."""

from pathlib import Path

RECORDED = Path(__file__).parents[1] / "data" / "comfyui" / "0.33.0" / "object_info.json"

MADE = {
    "Sum": {
        "input": {
            "required": {
                "a": ["INT", {"default": 1}],
                "b": ["INT,FLOAT", {"default": 2, "widgetType": "INT"}],
            },
            "optional": {"text": ["STRING", {"forceInput": True}]},
        },
        "output": ["INT"],
    },
    "Film": {
        "input": {
            "required": {
                "rate": ["INT", {"default": 8}],
                "format": [["gif", "mp4"], {}],
                "images": ["IMAGE", {}],
            }
        },
        "output": [],
        "output_node": True,
    },
    "Curve": {"input": {"required": {"points": ["CURVE", {}]}}, "output": ["CURVE"]},
    "Viewer": {
        "input": {"required": {"state": ["LOAD_3D", {}], "width": ["INT", {"default": 64}]}}
    },
    "Layers": {
        "input": {"required": {"order": ["COMPOSITOR", {"default": {}, "socketless": True}]}},
        "output": ["IMAGE"],
    },
    "Pick": {
        "input": {
            "required": {
                "mode": [
                    "COMFY_DYNAMICCOMBO_V3",
                    {
                        "options": [
                            {"key": "plain", "inputs": {"required": {}}},
                            {
                                "key": "sized",
                                "inputs": {
                                    "required": {
                                        "width": ["INT", {"default": 64}],
                                        "height": ["INT", {"default": 64}],
                                    }
                                },
                            },
                        ]
                    },
                ],
                "name": ["STRING", {"default": "x"}],
            }
        },
        "output": ["IMAGE"],
    },
    "CustomCombo": {
        "input": {"required": {"choice": ["COMBO", {"options": []}]}},
        "output": ["STRING"],
    },
    "Power Lora Loader (rgthree)": {
        "input": {"required": {}, "optional": {"model": ["MODEL", {}]}},
        "output": ["MODEL"],
    },
    "Empty": {"input": {"required": {"file": ["COMBO", {"options": []}]}}, "output": ["IMAGE"]},
    "Blur": {
        "input": {"required": {"image": ["IMAGE", {}], "mask": ["MASK", {}]}},
        "output": ["IMAGE"],
    },
    "Show": {
        "input": {"required": {"value": ["IMAGE", {}]}},
        "output": [],
        "output_node": True,
    },
}


def node(node_id, node_type, values=(), inputs=(), outputs=(), **more):
    """`inputs` are (name, type, link) or (name, type, link, widget)."""
    return {
        "id": node_id,
        "type": node_type,
        "inputs": [_socket(*one) for one in inputs],
        "outputs": [{"name": one, "type": one} for one in outputs],
        "widgets_values": values if isinstance(values, dict) else list(values),
        **more,
    }


def _socket(name, kind, link=None, widget=None):
    socket = {"name": name, "type": kind, "link": link}
    return socket | ({"widget": {"name": widget}} if widget else {})


def export(nodes, links=(), **more):
    return {"nodes": list(nodes), "links": [list(one) for one in links], "version": 0.4, **more}
