"""Where downloaded model files may be written."""

import pytest

from bot.cli.workflows.models import choose_path
from comfy.downloads import DownloadError


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("checkpoints", "a b-1.0 (x).safetensors"),
        ("loras", "flux/style.safetensors"),
        ("loras", "flux\\style.safetensors"),
        ("ultralytics/bbox", "face.pt"),
    ],
)
def test_a_model_lies_below_the_folder(tmp_path, folder, name):
    path = choose_path(tmp_path, folder, name)
    assert path == tmp_path / folder / name.replace("\\", "/")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("..", "a.safetensors"),
        ("../custom_nodes", "a.safetensors"),
        ("checkpoints/../..", "a.safetensors"),
        ("checkpoints", "../../a.safetensors"),
        ("checkpoints", "..\\a.safetensors"),
        ("/etc", "a.safetensors"),
        ("C:", "a.safetensors"),
        ("", "a.safetensors"),
        ("checkpoints", "a\x00.safetensors"),
        ("checkpoints", ".a.safetensors"),
        ("checkpoints", "NUL.safetensors"),
        ("com1", "a.safetensors"),
        ("loras.", "a.safetensors"),
        (None, "a.safetensors"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, folder, name):
    with pytest.raises(DownloadError, match="cannot be used"):
        choose_path(tmp_path, folder, name)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    inside, outside = tmp_path / "models", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "loras").symlink_to(outside)
    with pytest.raises(DownloadError, match="leads out of"):
        choose_path(inside, "loras", "a.safetensors")


@pytest.mark.parametrize("name", ["run.py", "a.safetensors.exe", "index.html"])
def test_what_is_no_model_is_refused(tmp_path, name):
    with pytest.raises(DownloadError, match="Not a model file"):
        choose_path(tmp_path, "checkpoints", name)
