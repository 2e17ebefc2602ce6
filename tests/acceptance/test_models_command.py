"""`limner models`: what workflows want, who has it, and what is never downloaded."""

import json

from sandbox.comfyui import ComfyUIStandIn

EXPORT = {
    "nodes": [
        {
            "id": 1,
            "type": "UpscaleModelLoader",
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "UPSCALE_MODEL", "type": "UPSCALE_MODEL", "links": [1]}],
            "widgets_values": ["mine.pth"],
            "properties": {
                "models": [
                    {"name": "mine.pth", "directory": "upscale_models", "url": "http://127.0.0.1/x"}
                ]
            },
        },
        {
            "id": 2,
            "type": "LoadImage",
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}],
            "widgets_values": ["example.png", "image"],
        },
        {
            "id": 3,
            "type": "ImageUpscaleWithModel",
            "mode": 0,
            "inputs": [
                {"name": "upscale_model", "type": "UPSCALE_MODEL", "link": 1},
                {"name": "image", "type": "IMAGE", "link": 2},
            ],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [3]}],
        },
        {
            "id": 4,
            "type": "SaveImage",
            "mode": 0,
            "inputs": [{"name": "images", "type": "IMAGE", "link": 3}],
            "outputs": [],
            "widgets_values": ["ComfyUI"],
        },
    ],
    "links": [
        [1, 1, 0, 3, 0, "UPSCALE_MODEL"],
        [2, 2, 0, 3, 1, "IMAGE"],
        [3, 3, 0, 4, 0, "IMAGE"],
    ],
    "version": 0.4,
}
"""A file of the editor whose author says that a model is to be had inside the network."""


async def test_files_are_listed_and_nothing_is_fetched_from_inside(limner, tmp_path):
    folder = tmp_path / "data" / "workflows"
    folder.mkdir(parents=True)
    (folder / "mine.json").write_text(json.dumps(EXPORT), encoding="utf-8")
    target = tmp_path / "models"
    async with ComfyUIStandIn(step_seconds=0, load_seconds=0) as comfyui:
        shipped = await limner("models", "upscale", "--json", COMFYUI_URLS=comfyui.url)
        (model,) = json.loads(shipped.stdout)
        assert model["name"] == "RealESRGAN_x4plus.safetensors"
        assert model["folder"] == "upscale_models"
        assert len(model["backends"]) == 1
        told = await limner("models", "mine", COMFYUI_URLS=comfyui.url)
        assert "upscale_models/mine.pth" in told.stdout
        assert "missing · for mine" in told.stdout
        assert "http://127.0.0.1/x" in told.stdout
        fetched = await limner(
            *("models", "mine", "--download", str(target), "--yes"), COMFYUI_URLS=comfyui.url
        )
        assert fetched.returncode == 1
        assert "127.0.0.1, which is not on the public Internet." in fetched.stderr
        assert not [path for path in target.rglob("*") if path.is_file()]


async def test_an_unknown_workflow_is_named(limner):
    result = await limner("models", "nonsense")
    assert result.returncode == 1
    assert "There is no workflow nonsense." in result.stderr
