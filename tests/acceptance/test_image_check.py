"""The image check as moderators set it and members meet it."""

import json

from generation.errors import FailureKind
from generation.history.queries import HistoryFilter
from generation.moderation.image_policy import Detections
from sandbox.discord_api.values import MessageFlag
from sandbox.people import as_text, files_of

PATIENCE_S = 60


class Checker:
    """Finds the same in every picture."""

    def __init__(self, score=0.9):
        self.score = score

    def check(self, picture):
        return Detections({"breast": self.score})


def has_pictures(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


async def answer(person, command, **options):
    reply = await person.slash("general", command, **options)
    return as_text(await reply.until(lambda message: "thinking" not in as_text(message)))


async def test_the_image_check_blocks_hides_and_leaves_alone(environment):
    environment.comfyui.step_seconds = 0.25
    states = []

    def look(message):
        states.append(json.dumps(message, ensure_ascii=False))
        return "Blocked by the image filter" in as_text(message)

    async with environment.bot(checker=Checker()) as core:
        assert "Nudity filter\nOff" in await answer(environment.mo, "mod image-check")
        told = await answer(environment.mo, "mod image-check", mode="refuse", certainty=60)
        assert "costs nothing" in told
        assert "60 %" in told
        before = await answer(environment.ana, "quota")
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", seed=1, steps=20)
        blocked = await reply.until(look, PATIENCE_S)
        assert not files_of(blocked)
        assert any(" % · " in state for state in states)
        assert not any("preview.jpg" in state for state in states)
        assert await answer(environment.ana, "quota") == before
        page = await core.service.history(HistoryFilter(), limit=5)
        (made,) = page.generations
        assert made.failure.kind is FailureKind.BLOCKED_BY_FILTER
        assert await core.service.contents(made.id, include_withheld=True) == ()
        assert "a fox" in await answer(environment.mo, "mod history", flagged=True)

        reply = await environment.ana.slash(
            "after-dark", "imagine", prompt="a fox", seed=2, steps=4
        )
        shown = await reply.until(has_pictures, PATIENCE_S)
        assert not files_of(shown)[0]["spoiler"]

        page = await core.service.history(HistoryFilter(), limit=1)
        adult = page.generations[0].id
        reply = await environment.ana.slash("general", "show", result=adult)
        kept = await environment.ana.wait_for(
            lambda message: "doesn't allow it in this channel" in as_text(message), PATIENCE_S
        )
        assert not files_of(kept)
        assert kept["flags"] & MessageFlag.EPHEMERAL
        assert reply.message is None

        await answer(environment.mo, "mod image-check", mode="spoiler")
        reply = await environment.ana.slash("general", "show", result=adult)
        veiled = await reply.until(has_pictures, PATIENCE_S)
        assert files_of(veiled)[0]["spoiler"]
        reply = await environment.ben.slash("general", "imagine", prompt="a fox", seed=3, steps=4)
        hidden = await reply.until(has_pictures, PATIENCE_S)
        assert files_of(hidden)[0]["spoiler"]

        await answer(environment.mo, "mod image-check", mode="off")
        reply = await environment.ben.slash("general", "imagine", prompt="a fox", seed=4, steps=4)
        plain = await reply.until(has_pictures, PATIENCE_S)
        assert not files_of(plain)[0]["spoiler"]
        assert "Set the nudity filter" in await answer(environment.mo, "mod audit")


async def test_nothing_is_shown_that_a_broken_check_has_not_seen(environment):
    class Broken:
        def check(self, picture):
            raise OSError("no model")

    async with environment.bot(checker=Broken()):
        await answer(environment.mo, "mod image-check", mode="spoiler")
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", seed=1, steps=4)
        held = await reply.until(
            lambda message: "Waiting for mod" in as_text(message),
            PATIENCE_S,
        )
        assert not files_of(held)
        assert "a fox" in await answer(environment.mo, "mod review")


async def test_moderators_are_told_that_the_check_is_not_installed(environment):
    async with environment.bot():
        assert "limner[nsfw]" in await answer(environment.mo, "mod image-check")
        assert "not installed here" in await answer(
            environment.mo, "mod image-check", mode="refuse"
        )
