"""The stand-in's messages and answers, held against those of real servers."""

import pytest

SCENARIOS = (
    "txt2img_success",
    "txt2img_preview_metadata",
    "interrupt",
    "queue_delete_clear",
    "two_clients",
    "runtime_errors",
    "validation_errors",
    "ws_handshake",
    "text_frames",
)


@pytest.mark.parametrize("version", ["0.33.0", "0.3.64"])
@pytest.mark.parametrize("name", SCENARIOS)
async def test_behaves_as_recorded(replay, version, name):
    await replay(version, name)
