"""What the whole program writes and says at its most talkative holds no secret of anybody."""

import io
import logging

import pytest

from bot.operating.logs import set_up_logs
from sandbox.people import Person, as_text, files_of
from tests.support.messages import is_answered

PATIENCE_S = 60


@pytest.fixture
def written():
    """Everything that is logged, as at `LIMNER_LOG_LEVEL=debug`."""
    set_up_logs(style="console", level="debug")
    (ours,) = logging.getLogger().handlers
    ours.setStream(stream := io.StringIO())
    return stream


async def test_no_token_and_no_password_is_logged_or_told(environment, written, picture):
    interactions = environment.world.actions._interactions
    tokens, opened = [environment.world.token, "hush"], interactions.open

    def remember(*arguments, **facts):
        interaction = opened(*arguments, **facts)
        tokens.append(interaction.token)
        return interaction

    interactions.open = remember
    url = environment.comfyui.url.replace("http://", "http://ana:hush@") + "?token=hush"
    nobody = "http://ana:hush@127.0.0.1:9"
    told = []
    async with environment.bot(comfyui_urls=(url, nobody)):
        for options in ({}, {"private": True, "image": picture()}):
            environment.world.fail_next("PATCH", r"/webhooks/", 503)
            reply = await environment.ana.slash(
                "general", "imagine", prompt="a fox", steps=2, **options
            )
            await reply.until(files_of, PATIENCE_S)
        for command in ("limner status", "limner backends list", "limner workflows list"):
            reply = await Person(environment.world, "ada").slash("general", command)
            answered = await reply.until(is_answered, PATIENCE_S)
            told.append(as_text(answered))
    assert len(tokens) > 6
    assert "was accepted" in written.getvalue()
    for text in (written.getvalue(), *told):
        assert not [token for token in tokens if token in text]
        assert r"\x89PNG" not in text, "nor is anybody's picture"
