"""Blocked pictures: found again when they are changed, refused or held, and never kept."""

import io
import random
from contextlib import nullcontext
from functools import cache

import pytest
from PIL import Image, ImageEnhance, ImageOps

from db.repositories.audit import AuditRepository
from db.repositories.outputs import NewOutput
from generation.errors import FailureKind, RequestRefused
from generation.events import Running
from generation.media.imaging import thumbnail
from generation.media.perceptual_hash import hash_image, hash_picture
from generation.moderation.image_filter import ImageGate
from generation.moderation.image_hashes import (
    MAX_GUILD_PICTURES,
    MAX_LIST_BYTES,
    PictureBlocks,
    parse_list,
    write_hash,
    write_list,
)
from generation.record import GenerationState, InputFile
from generation.request import Actor, Requester
from generation.service import utc_now
from sandbox.comfyui.painting.painter import Brief, paint
from tests.support.films import build_film
from tests.support.pictures import build_picture

GUILD, MO = 5, 3
HERE, EVERYWHERE = Actor(MO, GUILD), Actor(MO, None)


class Asked:
    """What the gate reads of a generation."""

    guild_id = GUILD
    age_restricted = False


@cache
def painted(prompt="a castle at night", seed=1):
    return paint(Brief(prompt, seed, (384, 256)), 384)


def encode(image, file_format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, compress_level=1, **options)
    return buffer.getvalue()


def crop(image, share):
    x, y = round(image.width * share / 2), round(image.height * share / 2)
    return image.crop((x, y, image.width - x, image.height - y))


CHANGES = {
    "a JPEG": lambda image: encode(image, "JPEG", quality=60),
    "a WebP": lambda image: encode(image, "WEBP", quality=75),
    "half the size": lambda image: encode(image.resize((192, 128))),
    "a thumbnail": lambda image: thumbnail(encode(image)),
    "brighter": lambda image: encode(ImageEnhance.Brightness(image).enhance(1.2)),
    "darker": lambda image: encode(ImageEnhance.Brightness(image).enhance(0.7)),
    "without colors": lambda image: encode(ImageOps.grayscale(image)),
    "mirrored": lambda image: encode(ImageOps.mirror(image), "JPEG", quality=75),
    "stretched": lambda image: encode(image.resize((256, 256))),
    "slightly cropped": lambda image: encode(crop(image, 0.01)),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_picture_is_found_and_others_are_not(database, change):
    gate, blocks = ImageGate(database, None, utc_now), PictureBlocks(database, utc_now)
    await blocks.block(HERE, [hash_picture(encode(painted()))], "seen enough")
    assert await is_blocked(gate, CHANGES[change](painted()))
    assert not await is_blocked(gate, CHANGES[change](painted("a fox in the snow")))
    assert not await is_blocked(gate, CHANGES[change](painted(seed=2)))


async def is_blocked(gate, content):
    ruling = await gate.judge(Asked, [NewOutput(0, "a.png", "image/png", content)])
    return ruling.verdict.value != "show"


@pytest.mark.parametrize(("shown", "is_found"), [(1, True), (3, False)])
async def test_a_blocked_picture_is_found_within_a_video(database, shown, is_found):
    gate, blocks = ImageGate(database, None, utc_now), PictureBlocks(database, utc_now)
    await blocks.block(HERE, [hash_picture(encode(painted().resize((256, 256))))], "")
    other = painted("a fox in the snow")
    film = build_film(side=256, pictures=[other, other, painted(seed=shown)])
    ruling = await gate.judge(Asked, [NewOutput(0, "a.mp4", "video/mp4", film)])
    assert (ruling.verdict.value == "refuse") is is_found
    given = InputFile("video", film, "video/mp4")
    with pytest.raises(RequestRefused) if is_found else nullcontext():
        await gate.judge_inputs([given], Requester(1, "Ana", 9, GUILD))


def test_the_hash_is_that_of_pdq():
    # What pdqhash 0.2.8 computes of the same noise; its recommendation is a distance of 31.
    noise = Image.frombytes("L", (16, 16), random.Random(4).randbytes(256))  # noqa: S311 - a picture
    image = noise.resize((512, 512), Image.Resampling.BICUBIC).convert("RGB")
    reference = 0x00680EF81214F0530DEED7ACD6E03837CD8BEFC7CA32D09B30713FB3CF7AD841
    assert (hash_image(image).upright ^ reference).bit_count() <= 12


@pytest.mark.parametrize(
    "content", [build_picture(colour="red"), b"torn", encode(Image.linear_gradient("L"))]
)
def test_what_has_too_little_detail_has_no_hash(content):
    assert hash_picture(content) is None


@pytest.fixture
def blocks(database):
    return PictureBlocks(database, utc_now)


async def test_a_list_leaves_as_text_and_comes_back(blocks):
    pictures = [hash_picture(encode(painted(seed=seed))) for seed in (1, 2)]
    assert await blocks.block(HERE, pictures, "a\nreason") == 2
    assert await blocks.block(HERE, pictures, "again") == 0
    written = write_list((await blocks.read(GUILD)).entries)
    elsewhere = Actor(MO, 6)
    report = await blocks.import_list(elsewhere, written.encode())
    assert (report.added, report.known, report.bad_lines) == (2, 0, ())
    copied = (await blocks.read(6)).entries
    assert {(one.hash, one.reason) for one in copied} == {
        (write_hash(one), "a reason") for one in pictures
    }


async def test_a_list_may_have_comments_doubles_and_lines_that_are_none(blocks):
    line = "0f" * 32
    text = f"# from a friend\n\n{line}\n{line.upper()} again\nnonsense\n{line}0\n"
    report = await blocks.import_list(HERE, text.encode())
    assert (report.added, report.known, report.bad_lines) == (1, 1, (5, 6))
    report = await blocks.import_list(HERE, text.encode("utf-8-sig"))
    assert (report.added, report.known) == (0, 2)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "No hashes in this file"),
        (b"\xff\xfe\x00not text", "No hashes in this file"),
        (bytes(MAX_LIST_BYTES + 1), "too long"),
        (b"\n".join(b"%064x" % n for n in range(16_000)), f"up to {MAX_GUILD_PICTURES} pictures"),
    ],
)
async def test_a_list_that_cannot_be_taken_changes_nothing_and_says_why(blocks, content, sentence):
    with pytest.raises(RequestRefused) as refusal:
        await blocks.import_list(HERE, content)
    assert sentence in str(refusal.value)
    assert (await blocks.read(GUILD)).count == 0


async def test_a_list_of_a_megabyte_fits_into_that_of_the_whole_bot(blocks):
    content = b"\n".join(b"%064x" % n for n in range(16_000))
    assert (await blocks.import_list(EVERYWHERE, content)).added == 16_000
    assert (await blocks.read(GUILD, limit=1)).everywhere == 16_000


def test_an_entry_has_no_more_than_a_reason():
    (reason,) = parse_list(b"0f" * 32 + b", " + b"long " * 400).reasons.values()
    assert len(reason) <= 300


async def test_what_moderators_do_is_in_the_audit(blocks, database):
    await blocks.block(HERE, [hash_picture(encode(painted()))], "why")
    await blocks.set_held(HERE, is_held=True)
    (entry,) = (await blocks.read(GUILD)).entries
    assert not await blocks.unblock(Actor(MO, 6), entry.id)
    assert await blocks.unblock(HERE, entry.id)
    with pytest.raises(RequestRefused, match="always refused"):
        await blocks.set_held(EVERYWHERE, is_held=True)
    with database.transaction(read_only=True) as session:
        noted = [(one.action, one.detail) for one in AuditRepository(session).page(GUILD, limit=5)]
    assert noted == [
        ("unblock-picture", None),
        ("picture-mode", {"mode": "hold"}),
        ("block-picture", {"pictures": 1, "reason": "why"}),
    ]


async def test_a_blocked_result_is_refunded_and_not_kept(open_app, database_url, backend, tools):
    backend.default.pictures = (encode(painted()),)
    async with open_app(database_url, backend) as app:
        blocks = PictureBlocks(app.database, utc_now)
        shown = await app.ended((await app.service.submit(tools.ask(user_id=1))).id)
        assert shown.state is GenerationState.SUCCEEDED
        await blocks.block(HERE, [hash_picture(encode(painted()))], "")
        for guild_id, is_blocked in ((GUILD, True), (6, False), (None, False)):
            asked = tools.ask(user_id=(guild_id or 0) + 10, guild_id=guild_id)
            ended = await app.ended((await app.service.submit(asked)).id)
            assert (ended.failure is not None) is is_blocked
            if is_blocked:
                assert ended.failure.kind is FailureKind.BLOCKED_BY_FILTER
                assert ended.outputs == ()
                assert await app.service.contents(ended.id, include_withheld=True) == ()
                assert (await app.service.quota(asked.requester)).used == 0
                told = [one for one in app.notifier.events if isinstance(one, Running)]
                assert not any(one.preview for one in told if one.generation.id == ended.id)


async def test_a_blocked_result_is_held_where_the_moderators_want_that(
    open_app, sqlite_url, backend, tools
):
    backend.default.pictures = (encode(painted()),)
    async with open_app(sqlite_url, backend) as app:
        blocks = PictureBlocks(app.database, utc_now)
        await blocks.set_held(HERE, is_held=True)
        await blocks.block(HERE, [hash_picture(encode(painted()))], "")
        id_ = (await app.service.submit(tools.ask(user_id=1))).id
        await app.until(id_, GenerationState.SUCCEEDED)
        assert (await app.service.find(id_)).withheld
        await blocks.block(EVERYWHERE, [hash_picture(encode(painted()))], "")
        refused = await app.ended((await app.service.submit(tools.ask(user_id=2))).id)
        assert refused.failure is not None, "what is blocked everywhere is refused"


@pytest.mark.parametrize("guild_id", [GUILD, None])
async def test_a_blocked_attachment_is_refused_before_anything_is_charged(
    open_app, sqlite_url, backend, tools, guild_id
):
    async with open_app(sqlite_url, backend) as app:
        blocks = PictureBlocks(app.database, utc_now)
        await blocks.block(Actor(MO, guild_id), [hash_picture(encode(painted()))], "")
        given = encode(ImageOps.mirror(painted()), "JPEG", quality=70)
        asked = tools.ask(
            user_id=1, guild_id=guild_id, workflow="img2img-sd", files={"image": given}
        )
        with pytest.raises(RequestRefused, match="blocked here") as refusal:
            await app.service.submit(asked)
        assert refusal.value.kind is FailureKind.BLOCKED_BY_FILTER
        assert (await app.service.quota(asked.requester)).used == 0


async def test_a_blocked_result_is_not_posted_again(open_app, sqlite_url, backend, tools):
    backend.default.pictures = (encode(painted()),)
    async with open_app(sqlite_url, backend) as app:
        gate, blocks = ImageGate(app.database, None, utc_now), PictureBlocks(app.database, utc_now)
        made = await app.ended((await app.service.submit(tools.ask(user_id=1))).id)
        contents = await app.service.contents(made.id, include_withheld=True)
        here = Requester(1, "Ana", 9, GUILD)
        assert await gate.admit(made, contents, here) == made
        await blocks.block(HERE, [hash_picture(encode(painted()))], "")
        with pytest.raises(RequestRefused):
            await gate.admit(made, contents, here)
        assert await gate.admit(made, contents, Requester(1, "Ana", 9, 6)) == made


async def test_a_preview_of_a_blocked_picture_is_not_shown(database, blocks):
    await blocks.block(HERE, [hash_picture(encode(painted()))], "")
    gate = ImageGate(database, None, utc_now, preview_interval_s=0.0)
    other = encode(painted("a fox in the snow"), "JPEG")
    async with await gate.preview_filter(Asked) as previews:
        previews.take(other)
        await previews._look
        assert previews.shown == other
        previews.take(encode(painted(), "JPEG"))
        await previews._look
        assert previews.shown is None
    gate.close()
