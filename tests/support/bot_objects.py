"""Generations, and what the core reports of them, as the front end shows them."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord

from generation.errors import FailureKind
from generation.events import Progress, Running, Waiting
from generation.history.queries import Cursor
from generation.ids import ID_ALPHABET
from generation.record import Failure, Generation, GenerationState, Output, OutputContent

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

_numbers = itertools.count()


def build_generation(**facts):
    return replace(
        Generation(
            id="k" + "".join(ID_ALPHABET[int(digit)] for digit in f"{next(_numbers):04d}"),
            user_id=1,
            user_name="ana",
            guild_id=5,
            channel_id=9,
            workflow="txt2img-sd",
            prompt="a fox in the snow",
            values={"size": "1024x768"},
            seed=20261122,
            state=GenerationState.WAITING,
            cost=1,
            private=False,
            spoiler=False,
            created_at=NOON,
        ),
        **facts,
    )


def build_result(generation, *contents, media_type="image/png", extension="png", texts=()):
    """The generation as it ended, and what it brought."""
    outputs = []
    for position, content in enumerate(contents):
        output = Output(
            position, f"x_{position}.{extension}", media_type, len(content), 64, 64, thumbnail=None
        )
        outputs.append(OutputContent(output, content))
    for position, text in enumerate(texts, start=len(contents)):
        content = text.encode("utf-8", "replace")
        output = Output(position, "text.txt", "text/plain", len(content), text=text)
        outputs.append(OutputContent(output, content))
    ended = replace(
        generation,
        state=GenerationState.SUCCEEDED,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=12.4),
        outputs=tuple(one.output for one in outputs),
    )
    return ended, tuple(outputs)


def build_failure(generation, kind=FailureKind.OUT_OF_MEMORY, sentence="Too large for the card."):
    return replace(generation, state=GenerationState.FAILED, failure=Failure(kind, sentence))


def build_waiting(generation, position=1, length=1):
    return Waiting(generation, position, length, NOON)


def build_running(generation, step=1, preview=None):
    progress = Progress(step / 10, "KSampler", step, 10, NOON)
    return Running(replace(generation, state=GenerationState.RUNNING), progress, preview)


def build_cursor(generation):
    return Cursor(generation.created_at, generation.id)


def build_view(*items):
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view
