"""What is logged holds no secret, whoever wrote the sentence."""

import json
import logging
import re
import sys

import pytest

from bot.operating.logs import set_up_logs

TOKEN = "aW50ZXJhY3Rpb24.x-y_z"
TIMEOUT = "Connection timeout to host https://discord.com/api/v10/webhooks/1183/{token}/messages/@original"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ACKNOWLEDGEMENT = "https://discord.com/api/v10/interactions/99/{token}/callback?with_response=true"
LOG = logging.getLogger("bot.test")


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_tokens_and_passwords_in_others_sentences_are_left_out(
    capsys, monkeypatch, style, is_terminal
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    set_up_logs(style=style, level="info")
    LOG.info("It answers at %s.", "http://ana:hush@10.0.0.7:8188/view?a=b@c")
    failure = OSError(TIMEOUT.format(token=TOKEN))
    LOG.error("Refused at %s", ACKNOWLEDGEMENT.format(token=TOKEN), exc_info=failure)
    written = "".join(COLOURS.sub("", capsys.readouterr().err).split())
    assert TOKEN not in written
    assert "hush" not in written
    for kept in ("10.0.0.7:8188/view?a=b@c", "/webhooks/1183/…/messages/@original", "OSError"):
        assert kept in written or (style == "json" and json.dumps(kept)[1:-1] in written)
