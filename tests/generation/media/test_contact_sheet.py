"""What stands for a generation in a contact sheet."""

import pytest

from generation.media.contact_sheet import Symbol, find_symbol
from generation.record import Output


@pytest.mark.parametrize(
    ("media_type", "symbol"),
    [
        ("image/png", None),
        ("video/mp4", Symbol.FILM),
        ("audio/flac", Symbol.SOUND),
        ("text/plain", Symbol.TEXT),
        ("model/gltf-binary", Symbol.SHAPE),
        ("application/octet-stream", None),
    ],
)
def test_each_kind_of_result_has_its_symbol(media_type, symbol):
    assert find_symbol(Output(0, "x", media_type, 1)) is symbol
