"""The four states of a reply, within Discord's limits whatever people type."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ui import embeds
from bot.ui.details import details_embed
from bot.ui.error_messages import FAILURE_TITLES, explain, failure_embed
from generation.errors import (
    FailureKind,
    GenerationFailed,
    NotYours,
    RequestRefused,
    ServiceUnavailable,
    UnknownGeneration,
)
from generation.record import GenerationState, Output

NOW = datetime(2026, 11, 22, 11, 59, tzinfo=UTC)
"""A minute before what the events of these tests expect."""

ANY_TEXT = st.one_of(
    st.text(),
    st.text(st.sampled_from("*_`|[<@\\~:/ "), min_size=2000, max_size=2000),
    st.just("😀" * 2000),
)


def check_limits(body):
    assert len(body.content) <= 2000
    check_embed(body.embed)


def check_embed(embed):
    assert len(embed.title or "") <= 256
    assert len(embed.description or "") <= 4096
    assert len(embed.fields) <= 25
    assert len(embed.footer.text or "") <= 2048
    assert len(embed) <= 6000


def test_waiting_says_the_place_and_the_start(tools):
    body = embeds.waiting_body(tools.waiting(tools.generation(user_id=7), 3, 7), NOW)
    assert body.content == "**a fox in the snow** · <@7>"
    assert body.embed.description == "3rd of 7 · starts <t:1795348800:R>"


def test_running_says_how_far_it_is(tools):
    event = tools.running(tools.generation(user_id=7), step=5)
    body = embeds.running_body(event, NOW, has_preview=True)
    assert body.content == "**a fox in the snow** · <@7> · txt2img-sd"
    assert body.embed.description == (
        "██████████░░░░░░░░░░ 50 % · step 5/10 · KSampler · done <t:1795348800:R>"
    )
    assert body.embed.image.url == "attachment://preview.jpg"
    assert embeds.running_body(event, NOW, has_preview=False).embed.image.url is None


@pytest.mark.parametrize(
    ("left_s", "starts", "done"),
    [
        (60, "starts <t:", "done <t:"),
        (5, "starts <t:", "done <t:"),
        (4.9, "starting now", "finishing"),
        (0, "starting soon", "finishing"),
        (-60, "starting soon", "finishing"),
    ],
)
def test_no_time_that_is_shown_is_in_the_past(tools, left_s, starts, done):
    waiting = tools.waiting(tools.generation(), 3, 7)
    now = waiting.starts_at - timedelta(seconds=left_s)
    assert f" · {starts}" in embeds.waiting_body(waiting, now).embed.description
    running = embeds.running_body(tools.running(tools.generation()), now, has_preview=False)
    assert f" · {done}" in running.embed.description


@pytest.mark.parametrize("remover", [7, None])
def test_what_somebody_deleted_is_deleted_and_has_no_link(tools, remover):
    """What went by age is still where it was posted."""
    generation = tools.generation(
        state=GenerationState.SUCCEEDED,
        message_url="https://discord.com/channels/1/2/3",
        removed_at=NOW,
        removed_by=remover,
    )
    line = embeds.list_line(generation)
    assert ("discord.com" in line) is (remover is None)
    assert line.partition(" · ")[2].startswith("deleted" if remover else "done")
    assert details_embed(generation).url == (None if remover else generation.message_url)


def test_done_is_one_line_of_facts(tools):
    generation, _ = tools.result(tools.generation(id="k7f3q", user_id=7), tools.picture())
    large = Output(0, "a.png", "image/png", 9, 1024, 1024)
    body = embeds.done_body(replace(generation, outputs=(large,)))
    assert body.content == "**a fox in the snow** · <@7>"
    assert body.embed.description == "k7f3q · seed 20261122 · txt2img-sd · 1024×1024 · 12.4 s"  # noqa: RUF001 - the multiplication sign is meant


def test_seed_nought_is_shown(tools):
    assert "seed 0" in embeds.facts(tools.generation(seed=0))


def test_failed_is_a_title_a_sentence_the_id_and_that_nothing_was_charged(tools):
    body = embeds.failed_body(tools.failure(tools.generation(id="k7f3q")))
    assert body.embed.title == "Out of GPU memory"
    assert body.embed.description == "Too large for the card."
    assert body.embed.footer.text == "k7f3q · your quota was not charged"


def test_the_titles_of_failures_are_fixed():
    assert list(FAILURE_TITLES.values()) == [
        "Queue full",
        "Daily limit reached",
        "Slow down",
        "Prompt not allowed",
        "Not allowed in this channel",
        "Invalid option",
        "Invalid attachment",
        "Missing model",
        "Workflow error",
        "Out of GPU memory",
        "Backend offline",
        "Timed out",
        "Cancelled",
        "Blocked by the image filter",
    ]
    assert set(FAILURE_TITLES) == set(FailureKind)


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [(0.0, 0), (0.29, 29), (0.57, 57), (0.999, 99), (0.9999999, 99), (1.0, 100)],
)
def test_percents_are_whole_and_reach_a_hundred_only_at_the_end(fraction, shown):
    assert embeds.percent(fraction) == shown


@pytest.mark.parametrize("fraction", [-1.0, 0.0, 0.024, 0.5, 1.0, 7.0])
def test_the_bar_always_has_twenty_blocks(fraction):
    assert len(embeds.bar(fraction)) == 20


@pytest.mark.parametrize("state", GenerationState)
def test_every_state_has_a_word(tools, state):
    assert embeds.state_text(tools.generation(state=state))


def test_a_list_names_the_failure(tools):
    assert embeds.state_text(tools.failure(tools.generation())) == "Out of GPU memory"


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=12))
def test_every_face_is_within_the_limits(tools, text, notes):
    generation = tools.generation(id="z" * 12, prompt=text, user_id=2**63 - 1, workflow="w" * 32)
    event = tools.running(generation)
    event = replace(event, progress=replace(event.progress, activity=text))
    check_limits(embeds.waiting_body(tools.waiting(generation, 10**6, 10**6), NOW))
    check_limits(embeds.running_body(event, NOW, has_preview=True))
    check_limits(embeds.done_body(generation, notes))
    check_limits(embeds.failed_body(tools.failure(generation, sentence=text)))


@given(ANY_TEXT)
def test_every_explanation_is_within_the_limits(text):
    for error in (
        RequestRefused(FailureKind.INVALID_OPTION, text),
        GenerationFailed(FailureKind.WORKFLOW_ERROR, text),
        UnknownGeneration(text),
        NotYours(text),
        ServiceUnavailable(text),
    ):
        embed = explain(error)
        check_embed(embed)
        assert (embed.title or embed.description or "").strip()


def test_a_line_in_a_list_leads_to_its_message(tools):
    line = embeds.list_line(tools.generation(message_url="https://discord.com/channels/1/2/3"), 4)
    assert line.startswith("**4** `")
    assert line.endswith("[open](https://discord.com/channels/1/2/3)")


def test_the_prompt_of_what_waits_for_a_moderator_is_for_its_person_and_moderators(tools):
    asked = tools.generation(user_id=7, withheld=True)
    assert embeds.header(asked) == "**txt2img-sd** · <@7>"
    assert "a fox" in embeds.header(asked, for_moderators=True)
    assert "a fox" in embeds.header(replace(asked, private=True))
    assert "a fox" in embeds.header(replace(asked, withheld=False))


def test_a_prompt_that_shows_nothing_leaves_the_workflow_to_see(tools):
    assert embeds.header(tools.generation(prompt="\u200b\n", user_id=7)) == "**txt2img-sd** · <@7>"


def test_sentences_are_shown_as_they_are_written():
    embed = failure_embed(FailureKind.QUEUE_FULL, "50 wait here already: try again later.")
    assert embed.description == "50 wait here already: try again later."
    assert isinstance(embed, discord.Embed)
