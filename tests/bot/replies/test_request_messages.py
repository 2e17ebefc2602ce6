"""The states of a reply, within Discord's limits whatever people type."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.replies import request_messages
from bot.replies.packing import Attachment, Parcel
from bot.replies.request_messages import bar, done_messages, failed_message, percent
from bot.ui.details import details_layout
from bot.ui.error_messages import FAILURE_TITLES, explain
from bot.ui.generations import state_text
from generation.errors import (
    FailureKind,
    GenerationFailed,
    NotYours,
    RequestRefused,
    ServiceUnavailable,
    UnknownGeneration,
)
from generation.record import GenerationState, Output
from generation.request import Derivation
from generation.requests.available_actions import AvailableActions
from sandbox.discord_api.model.components import interactive, walk
from tests.support.messages import check_layout, texts_of

NOW = datetime(2026, 11, 22, 11, 59, tzinfo=UTC)
"""A minute before what the events of these tests expect."""

TITLE = "Text to picture"

ANY_TEXT = st.one_of(
    st.text(),
    st.text(st.sampled_from("*_`|[<@\\~:/ "), min_size=2000, max_size=2000),
    st.just("😀" * 2000),
)


def labels(view):
    return [
        [
            part.get("label") or part["emoji"]["name"]
            for part in row["components"]
            if "custom_id" in part
        ]
        for row in walk(view.to_components())
        if row["type"] == 1
    ]


def done(generation, *, pictures=1, available=None, parcel=None):
    outputs = tuple(Output(n, f"{n}.png", "image/png", 9, 1024, 1024) for n in range(pictures))
    places = tuple(range(pictures))
    actions = available or AvailableActions(places, places, places, again=True, remix=True)
    parcel = parcel or Parcel(((Attachment("a.png", b"", "", spoiler=False),),))
    (message,) = done_messages(replace(generation, outputs=outputs), TITLE, parcel, actions)
    return message


def test_waiting_says_the_place_and_the_start(tools):
    event = tools.waiting(tools.generation(user_name="Ana"), 3, 7)
    view = request_messages.waiting_message(event, TITLE, NOW).view
    assert texts_of(view) == [
        "### a fox in the snow\n-# Ana · Text to picture",
        "⏳ 3rd in the queue · starts <t:1795348800:R>",
    ]
    assert labels(view) == [["Cancel"]]


@pytest.mark.parametrize(
    ("position", "ready_in", "said"),
    [
        (1, None, "Starting the GPU…"),
        (1, timedelta(minutes=1), "Starting the GPU… · ready <t:1795348800:R>"),
        (1, timedelta(seconds=-1), "Starting the GPU…"),
        (2, None, "Starting the GPU… · 2nd in the queue"),
    ],
)
def test_waiting_says_that_the_gpu_is_being_started(tools, position, ready_in, said):
    starts_at = NOW + ready_in if ready_in else None
    event = tools.waiting(tools.generation(), position, 2)
    event = replace(event, starts_at=starts_at, is_starting=True)
    assert texts_of(request_messages.waiting_message(event, TITLE, NOW).view)[1] == f"⏳ {said}"


def test_running_says_how_far_it_is(tools):
    event = tools.running(tools.generation(user_name="Ana"), step=5)
    preview = Attachment("preview.jpg", b"", "Preview", spoiler=False)
    message = request_messages.running_message(event, TITLE, NOW, preview)
    assert texts_of(message.view)[1] == "▰▰▰▰▰▱▱▱▱▱  50 % · 5/10 · about 60 s left"
    assert "attachment://preview.jpg" in str(message.view.to_components())
    assert message.files == (preview,)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Load Checkpoint", "Loading the model…"),
        ("CLIPTextEncode", "Reading the prompt…"),
        ("KSampler", "Drawing…"),
        ("My second pass", "My second pass"),
        ("SomeNodeClass", ""),
    ],
)
def test_what_is_done_is_said_in_words_of_people(tools, name, said):
    progress = replace(tools.running(tools.generation()).progress, activity=name, step=None)
    shown = request_messages.progress_text(replace(progress, done_at=None), NOW)
    assert shown.partition(" %")[2] == (f" · {said}" if said else "")


@pytest.mark.parametrize(
    ("left_s", "starts", "done_in"),
    [
        (600, "starts <t:", "about 10 min left"),
        (60, "starts <t:", "about 60 s left"),
        (5, "starts <t:", "about 5 s left"),
        (4.9, "starting now", "finishing"),
        (0, "starting soon", "finishing"),
        (-60, "starting soon", "finishing"),
    ],
)
def test_no_time_that_is_shown_is_in_the_past(tools, left_s, starts, done_in):
    waiting = tools.waiting(tools.generation(), 3, 7)
    now = waiting.starts_at - timedelta(seconds=left_s)
    view = request_messages.waiting_message(waiting, TITLE, now).view
    assert f" · {starts}" in texts_of(view)[1]
    progress = replace(tools.running(tools.generation()).progress, fraction=0.9)
    assert request_messages.progress_text(progress, now).endswith(f" · {done_in}")
    saving = replace(progress, step=None, activity="Save Image")
    said = "Saving…" if done_in == "finishing" else f"Saving… · {done_in}"
    assert request_messages.progress_text(saving, now).endswith(f" % · {said}")
    early = request_messages.progress_text(replace(progress, fraction=0.4), now)
    assert early.endswith(f" · {done_in}") is (done_in != "finishing")


def test_one_picture_has_all_its_buttons_in_a_row(tools):
    generation, _ = tools.result(tools.generation(id="k7f3q", user_name="Ana"), tools.picture())
    view = done(generation).view
    assert texts_of(view) == [
        "### a fox in the snow\n-# Ana · Text to picture · 1024×1024 · 12 s · AI",  # noqa: RUF001 - the multiplication sign is meant
        "-# k7f3q · seed 20261122",
    ]
    assert labels(view) == [["Upscale", "Vary", "Again", "Remix", "⋯"]]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_few_pictures_have_two_rows_of_buttons(tools, count):
    shown = labels(done(tools.generation(), pictures=count).view)
    numbers = range(1, count + 1)
    assert shown == [[*(f"U{n}" for n in numbers), "🔁"], [*(f"V{n}" for n in numbers), "⋯"]]


def test_many_pictures_have_one_row(tools):
    assert labels(done(tools.generation(), pictures=9).view) == [["Again", "Remix", "⋯"]]


def test_nothing_to_do_leaves_the_panel(tools):
    view = done(tools.generation(), available=AvailableActions()).view
    assert labels(view) == [["⋯"]]


def test_files_that_no_gallery_shows_are_listed(tools):
    files = tuple(Attachment(name, b"", "", spoiler=True) for name in ("a.mp4", "b.flac", "c.glb"))
    parts = done(tools.generation(), parcel=Parcel((files,))).view.to_components()
    (gallery,) = [part for part in parts if part["type"] == 12]
    assert [item["media"]["url"] for item in gallery["items"]] == ["attachment://a.mp4"]
    assert gallery["items"][0]["spoiler"]
    rows = [part["file"]["url"] for part in parts if part["type"] == 13]
    assert rows == ["attachment://b.flac", "attachment://c.glb"]


def test_what_it_came_from_is_a_link_where_there_is_one(tools):
    child = tools.generation(derivation=Derivation.UPSCALE, parent_id="a", parent_position=1)
    parent = tools.generation(message_url="https://discord.com/channels/1/2/3")
    assert request_messages.origin_text(child, None) == "Upscaled from #2"
    linked = "[Upscaled from #2 ↗](https://discord.com/channels/1/2/3)"
    assert request_messages.origin_text(child, parent) == linked
    deleted = replace(parent, removed_at=NOW, removed_by=7)
    assert request_messages.origin_text(child, deleted) == "Upscaled from #2"
    assert request_messages.origin_text(parent, None) == ""


@pytest.mark.parametrize("remover", [7, None])
def test_what_somebody_deleted_is_deleted_and_has_no_link(tools, remover):
    """What went by age is still where it was posted."""
    generation = tools.generation(
        state=GenerationState.SUCCEEDED,
        message_url="https://discord.com/channels/1/2/3",
        removed_at=NOW,
        removed_by=remover,
    )
    assert state_text(generation) == ("deleted" if remover else "done")
    held = replace(generation, withheld=True)
    assert state_text(held) == ("declined" if remover else "waiting for approval")
    assert ("discord.com" in texts_of(details_layout(generation, "Text to picture"))[0]) is (
        remover is None
    )


def test_seed_nought_is_shown(tools):
    assert "seed 0" in request_messages.facts(tools.generation(seed=0))


def test_failed_is_a_title_a_sentence_the_id_and_that_nothing_was_charged(tools):
    view = failed_message(tools.failure(tools.generation(id="k7f3q")), TITLE).view
    assert texts_of(view) == [
        (
            "### Out of GPU memory\nToo large for the card.\n"
            "-# a fox in the snow · k7f3q · nothing was charged"
        )
    ]
    assert labels(view) == [["Try again", "Remix"]]


def test_the_titles_of_failures_are_fixed():
    assert list(FAILURE_TITLES.values()) == [
        "Queue full",
        "Daily limit reached",
        "Slow down",
        "Prompt not allowed",
        "Not allowed in this channel",
        "Blocked here",
        "Invalid option",
        "Invalid attachment",
        "Missing model",
        "Workflow error",
        "Out of GPU memory",
        "GPU offline",
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
    assert percent(fraction) == shown


@pytest.mark.parametrize("fraction", [-1.0, 0.0, 0.024, 0.5, 1.0, 7.0])
def test_the_bar_always_has_ten_blocks(fraction):
    assert len(bar(fraction)) == 10


@pytest.mark.parametrize("state", GenerationState)
def test_every_state_has_a_word(tools, state):
    assert state_text(tools.generation(state=state))


def test_a_list_names_the_failure(tools):
    assert state_text(tools.failure(tools.generation())) == "Out of GPU memory"


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=12))
def test_every_state_is_within_the_limits(tools, text, notes):
    generation = tools.generation(
        id="z" * 12, prompt=text, user_id=2**63 - 1, user_name=text, workflow="w" * 32
    )
    event = tools.running(generation)
    event = replace(event, progress=replace(event.progress, activity=text, step=None))
    parcel = Parcel(((Attachment("a.png", b"", "", spoiler=False),),), tuple(notes), tuple(notes))
    for message in (
        request_messages.waiting_message(tools.waiting(generation, 10**6, 10**6), text[:100], NOW),
        request_messages.running_message(event, text[:100], NOW),
        request_messages.held_message(generation, text[:100]),
        request_messages.refused_message(generation, text[:100]),
        failed_message(tools.failure(generation, sentence=text), text[:100]),
        done(generation, pictures=4, parcel=parcel),
    ):
        check_layout(message.view)


@given(ANY_TEXT)
def test_every_explanation_is_within_the_limits(text):
    for error in (
        RequestRefused(FailureKind.INVALID_OPTION, text),
        GenerationFailed(FailureKind.WORKFLOW_ERROR, text),
        UnknownGeneration(text),
        NotYours(text),
        ServiceUnavailable(text),
    ):
        view = explain(error)
        check_layout(view)
        assert "".join(texts_of(view)).strip()


def test_the_prompt_of_what_waits_for_a_moderator_is_for_its_person_and_moderators(tools):
    asked = tools.generation(withheld=True)
    line = request_messages.title_line
    assert line(asked, TITLE) == "### Text to picture"
    assert "a fox" in line(asked, TITLE, for_moderators=True)
    assert "a fox" in line(replace(asked, private=True), TITLE)
    assert "a fox" in line(replace(asked, withheld=False), TITLE)


def test_a_prompt_that_shows_nothing_leaves_the_workflow_to_see(tools):
    shown = request_messages.title_line(tools.generation(prompt="\u200b\n"), TITLE)
    assert shown == "### Text to picture"


def test_sentences_are_shown_as_they_are_written():
    sentence = "50 wait here already: try again later."
    view = explain(RequestRefused(FailureKind.QUEUE_FULL, sentence))
    assert texts_of(view) == [f"### Queue full\n{sentence}"]
    assert not list(interactive(view.to_components()))
