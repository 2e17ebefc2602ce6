"""Results made to fit: counts, sizes, texts."""

import gc
import io
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from bot.replies.packing import (
    BYTES_A_MESSAGE,
    FILES_A_MESSAGE,
    Attachment,
    find_original,
    pack,
    pack_originals,
)
from bot.replies.request_messages import done_messages
from generation.marking.marker import Marker
from generation.requests.available_actions import AvailableActions
from tests.support.films import build_film
from tests.support.messages import check_layout, texts_of

LIMIT = 10 * 1024 * 1024


async def test_a_picture_goes_out_as_it_is(tools):
    generation, contents = tools.result(tools.generation(id="k7f3q"), tools.picture())
    parcel = await pack(generation, contents, LIMIT, marker=Marker())
    ((attachment,),) = parcel.messages
    assert attachment.filename == "limner-k7f3q-1.png"
    assert attachment.content == contents[0].content
    assert attachment.description == "a fox in the snow"
    assert parcel.notes == ()


async def test_more_than_ten_files_take_several_messages(tools):
    generation, contents = tools.result(tools.generation(), *[tools.picture()] * 23)
    parcel = await pack(generation, contents, LIMIT, marker=Marker())
    assert [len(message) for message in parcel.messages] == [10, 10, 3]
    assert len({one.filename for message in parcel.messages for one in message}) == 23


async def test_no_message_is_larger_than_a_request_may_be(tools):
    generation, contents = tools.result(
        tools.generation(), *[bytes(9 * 1024 * 1024)] * 5, media_type="video/mp4", extension="mp4"
    )
    parcel = await pack(generation, contents, LIMIT, marker=Marker())
    for message in parcel.messages:
        assert sum(len(one.content) for one in message) <= BYTES_A_MESSAGE
        assert len(message) <= FILES_A_MESSAGE
    assert sum(map(len, parcel.messages)) == 5


async def test_a_picture_that_is_too_large_is_made_smaller_and_says_so(tools):
    huge = tools.noise(512)
    generation, contents = tools.result(tools.generation(), tools.picture(), huge)
    parcel = await pack(generation, contents, 50_000, marker=Marker())
    ((_, fitted),) = parcel.messages
    assert fitted.filename.endswith("-2.webp")
    assert len(fitted.content) <= 50_000
    size = f"{len(huge) / 2**20:.1f} MiB"
    assert parcel.notes == (f"#2: Scaled down to fit Discord (original {size})",)
    parcel = await pack(generation, contents, len(huge) - 1, marker=Marker())
    assert parcel.notes == (f"#2: Compressed to fit Discord (original {size})",)


@pytest.mark.parametrize("media_type", ["video/mp4", "image/png"])
async def test_what_cannot_be_made_smaller_is_not_dropped_in_silence(tools, media_type):
    generation, contents = tools.result(tools.generation(), bytes(5000), media_type=media_type)
    parcel = await pack(generation, contents, 4000, marker=Marker())
    assert parcel.messages == ((),)
    assert "for a few days" in parcel.notes[0]


async def test_results_that_were_cleared_away_are_mentioned(tools):
    generation, _ = tools.result(tools.generation(), tools.picture())
    parcel = await pack(generation, (), LIMIT, marker=Marker())
    assert parcel.notes == ("These results are no longer stored.",)


async def test_spoilers_stay_hidden(tools):
    generation, contents = tools.result(
        tools.generation(spoiler=True), tools.picture(), texts=["who did it"]
    )
    parcel = await pack(generation, contents, LIMIT, marker=Marker())
    assert parcel.messages[0][0].spoiler
    assert parcel.texts == ("||```\nwho did it\n```||",)


async def test_a_short_text_is_shown_and_a_long_one_is_a_file(tools):
    generation, contents = tools.result(tools.generation(), texts=["short", "long" * 500, "  "])
    parcel = await pack(generation, contents, LIMIT, marker=Marker())
    assert parcel.texts == ("```\nshort\n```",)
    assert [one.filename[-6:] for one in parcel.messages[0]] == ["-2.txt", "-3.txt"]


@given(st.lists(st.text(st.sampled_from("`*<@a\n\u202e\x00"), max_size=1000), max_size=20))
async def test_texts_cannot_leave_their_block_nor_break_a_limit(tools, texts):
    generation, contents = tools.result(tools.generation(prompt="`" * 2000), texts=texts)
    parcel = await pack(generation, contents, LIMIT, marker=Marker())
    for note in parcel.texts:
        assert note.count("```") == 2
        assert "\x00" not in note
    for message in done_messages(generation, "Title", parcel, AvailableActions()):
        check_layout(message.view)
        assert not [text for text in texts_of(message.view) if text.endswith("\n…")]
    assert len(parcel.texts) + sum(map(len, parcel.messages)) == len(texts)


@pytest.mark.parametrize("name", ["x.<script>", "x", "x.é", "x.." + "y" * 50])
async def test_only_plain_names_reach_discord(tools, name):
    generation, contents = tools.result(tools.generation(), b"bytes", extension=name)
    ((attachment,),) = (await pack(generation, contents, LIMIT, marker=Marker())).messages
    assert attachment.filename.isascii()
    assert len(attachment.filename) < 50
    assert not set("<>/\\ ") & set(attachment.filename)


async def test_alt_text_is_within_its_limit(tools):
    generation, contents = tools.result(tools.generation(prompt="x" * 2000), tools.picture())
    ((attachment,),) = (await pack(generation, contents, LIMIT, marker=Marker())).messages
    assert len(attachment.description) == 1024


async def test_an_original_is_sent_as_it_is_or_said_to_be_too_large(tools):
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", "x" * 4000)
    told = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(told, "PNG", pnginfo=text)
    generation, contents = tools.result(tools.generation(), told.getvalue(), tools.noise(64))
    assert find_original(generation, contents[0], LIMIT).content == told.getvalue()
    bare = find_original(generation, contents[0], 4000)
    assert b"xxxx" not in bare.content
    parcel = await pack_originals(generation, contents, 4000, marker=Marker())
    assert [one.content for (one,) in parcel.messages] == [bare.content]
    (note,) = parcel.notes
    assert note.startswith("#2: Too large for Discord (0.0 MiB, limit 0.0 MiB).")
    assert note.endswith("The posted picture is the best copy.")


async def test_a_film_that_is_too_large_is_written_anew(tools):
    content = build_film()
    generation, contents = tools.result(tools.generation(), content, media_type="video/mp4")
    parcel = await pack(generation, contents, len(content) // 2, marker=Marker())
    ((attachment,),) = parcel.messages
    assert attachment.filename.endswith("-1.mp4")
    assert len(attachment.content) <= len(content) // 2
    assert "Compressed to fit" in parcel.notes[0]


async def test_of_a_film_that_cannot_be_sent_at_all_a_still_is_shown(tools):
    generation, contents = tools.result(tools.generation(), build_film(), media_type="video/mp4")
    parcel = await pack(generation, contents, 12_000, marker=Marker())
    ((attachment,),) = parcel.messages
    assert attachment.filename.endswith("-1-still.webp")
    assert "Too large for Discord" in parcel.notes[0]


def test_a_sent_file_is_freed_at_once():
    file = Attachment("picture.png", b"a" * 100, "", spoiler=False).to_file()
    content = weakref.ref(file.fp)
    file.close()
    gc.disable()
    try:
        del file
        assert content() is None
    finally:
        gc.enable()
