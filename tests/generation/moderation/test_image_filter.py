"""Pictures are looked at before anybody sees them, and a checker's faults lose nothing."""

import asyncio
import io
import threading
from dataclasses import replace

import pytest
from PIL import Image

from comfy.errors import RunStalled
from db.repositories.audit import AuditRepository
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.flags import FlagRepository
from db.repositories.moderation.reviews import SHOWN, ReviewRepository
from db.repositories.outputs import NewOutput
from generation.errors import FailureKind, RequestRefused
from generation.events import Running
from generation.moderation.image_filter import ImageGate, Ruling
from generation.moderation.image_policy import CheckMode, Detections, ImagePolicy, ImageVerdict
from generation.moderation.preview_filter import PreviewFilter
from generation.moderation.review import ReviewMode, Reviews
from generation.record import GenerationState
from generation.request import Actor, Requester
from generation.service import utc_now
from tests.support.films import build_film
from tests.support.rows import generation_row

GUILD, MO = 5, 3
RED, GREEN = (255, 0, 0), (0, 255, 0)


class Asked:
    """What the gate reads of a generation."""

    guild_id = GUILD
    age_restricted = False


class RedChecker:
    """Finds something in red pictures; `error` is what it raises, `waits` what it waits for."""

    def __init__(self):
        self.error = None
        self.waits = None
        self.asked = 0
        self.threads = set()

    @property
    def check(self):
        """Counts what is passed to the thread of the checks."""
        self.asked += 1
        return self._check

    def _check(self, picture):
        self.threads.add(threading.current_thread())
        if self.waits is not None:
            self.waits.wait(20)
        if self.error is not None:
            raise self.error
        with Image.open(io.BytesIO(picture)) as image:
            red, green, _ = image.convert("RGB").getpixel((0, 0))
        return Detections({"breast": 0.9} if red > green else {})


@pytest.fixture
def checker():
    return RedChecker()


@pytest.fixture
def open_checked(open_app, checker):
    def open_(url, backend, **options):
        def build(database):
            open_.gate = ImageGate(
                database, checker, utc_now, **{"preview_interval_s": 0.0, **options}
            )
            return open_.gate

        return open_app(url, backend, build_gate=build)

    return open_


def film(*colours):
    """An animation with these frames."""
    buffer = io.BytesIO()
    first, *others = (Image.new("RGB", (64, 64), colour) for colour in colours)
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=100)
    return buffer.getvalue()


def slides(*colors):
    """A video of these colors."""
    return build_film(pictures=[Image.new("RGB", (64, 64), color) for color in colors])


async def submit(app, tools, user_id=1, **options):
    changed = {
        name: options.pop(name) for name in ("is_channel_age_restricted",) if name in options
    }
    request = tools.ask(user_id=user_id, **options)
    request = replace(request, requester=replace(request.requester, **changed))
    return (await app.service.submit(request)).id


@pytest.mark.parametrize("mode", [CheckMode.SPOILER, CheckMode.HOLD, CheckMode.REFUSE])
async def test_what_people_attach_is_looked_at_where_the_guild_wants_it(
    sqlite_url, tools, backend, open_checked, mode
):
    async with open_checked(sqlite_url, backend) as app:
        backend.default.pictures = (tools.build_picture(colour="green"),)
        red = tools.build_picture(colour="red")
        given = {"workflow": "img2img-sd", "files": {"image": red}}
        for checks_inputs in (False, True):
            given["user_id"] = 1 + checks_inputs
            policy = ImagePolicy(mode, checks_inputs=checks_inputs)
            await open_checked.gate.set_policy(Actor(MO, GUILD), policy)
            if checks_inputs and mode is CheckMode.REFUSE:
                with pytest.raises(RequestRefused, match="what you attached"):
                    await submit(app, tools, **given)
                continue
            made = await app.service.find(await submit(app, tools, **given))
            assert made.spoiler is (checks_inputs and mode is CheckMode.SPOILER)
            assert made.withheld is (checks_inputs and mode is CheckMode.HOLD)
            noted = [("image", "attached: breast 90%")] if checks_inputs else []
            assert await flags_of(app, made.id) == noted


async def flags_of(app, id_):
    with app.database.transaction(read_only=True) as session:
        return [(one.kind, one.note) for one in FlagRepository(session).of_generation(id_)]


async def stored(app, id_):
    return await app.service.contents(id_, include_withheld=True)


async def used(app, user_id):
    return (await app.service.quota(Requester(user_id, "x", 9, GUILD))).used


async def pending(app):
    with app.database.transaction(read_only=True) as session:
        return (ReviewRepository(session).waiting(GUILD, 5))[1]


async def test_what_is_blocked_is_not_kept_and_costs_nothing(
    open_checked, database_url, backend, tools
):
    async with open_checked(database_url, backend) as app:
        await open_checked.gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.REFUSE, 80))
        blocked = await app.ended(await submit(app, tools))
        assert blocked.state is GenerationState.FAILED
        assert blocked.failure.kind is FailureKind.BLOCKED_BY_FILTER
        assert await stored(app, blocked.id) == ()
        assert await used(app, 1) == await used(app, 99)
        assert await flags_of(app, blocked.id) == [("image", "breast 90%")]
        backend.default.pictures = (tools.build_picture(colour="green"),)
        harmless = await app.ended(await submit(app, tools, user_id=2))
        assert harmless.state is GenerationState.SUCCEEDED
        assert await flags_of(app, harmless.id) == []


@pytest.mark.parametrize(
    ("policy", "detail"),
    [
        (
            ImagePolicy(CheckMode.REFUSE, 80),
            {"mode": "refuse", "certainty": 80, "age_restricted": "exempt", "inputs": ""},
        ),
        (
            ImagePolicy(CheckMode.HOLD, 30, exempts_age_restricted=False, checks_inputs=True),
            {"mode": "hold", "certainty": 30, "age_restricted": "checked", "inputs": "checked"},
        ),
    ],
)
async def test_a_policy_is_kept_and_in_the_audit_log(database, checker, policy, detail):
    gate = ImageGate(database, checker, utc_now)
    await gate.set_policy(Actor(MO, GUILD), policy)
    assert await gate.find_policy(GUILD) == policy
    with database.transaction(read_only=True) as session:
        (entry,) = AuditRepository(session).page(GUILD, limit=5)
    assert (entry.action, entry.actor_id, entry.detail) == ("image-check", MO, detail)


async def test_what_is_found_is_flagged_once_beside_other_flags(database, checker):
    gate = ImageGate(database, checker, utc_now)
    with database.transaction() as session:
        GenerationRepository(session).add(generation_row("g1", created_at=utc_now()))
        flags = FlagRepository(session)
        flags.add("g1", kind="word", note="fox", at=utc_now())
        for _ in range(2):
            gate.record(session, "g1", Ruling(ImageVerdict.REFUSE, "breast 90%"))
        noted = {(one.kind, one.note) for one in flags.of_generation("g1")}
        assert len(flags.of_generation("g1")) == 2
    assert noted == {("word", "fox"), ("image", "breast 90%")}


async def test_what_is_found_waits_for_a_moderator_where_a_guild_holds(
    open_checked, database_url, backend, tools
):
    async with open_checked(database_url, backend) as app:
        await open_checked.gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.HOLD))
        id_ = await submit(app, tools)
        await app.until(id_, GenerationState.SUCCEEDED)
        held = await app.service.find(id_)
        assert held.withheld
        assert held.outputs == ()
        assert await flags_of(app, id_) == [("image", "breast 90%")]
        assert await pending(app) == (id_,)
        assert app.notifier.told(id_) == []


@pytest.mark.parametrize("mode", [CheckMode.SPOILER, CheckMode.HOLD, CheckMode.REFUSE])
async def test_what_cannot_be_checked_waits_for_a_moderator(
    open_checked, sqlite_url, backend, tools, checker, mode
):
    async with open_checked(sqlite_url, backend) as app:
        await open_checked.gate.set_policy(Actor(MO, GUILD), ImagePolicy(mode))
        # Moderators are shown everything here: that must become a decision.
        reviews = Reviews(app.database, utc_now)
        await reviews.set_mode(Actor(MO, GUILD), None, ReviewMode.LOG)
        checker.error = ValueError("out of order")
        backend.default.pictures = (tools.build_picture(colour="green"),)
        id_ = await submit(app, tools)
        await app.until(id_, GenerationState.SUCCEEDED)
        held = await app.service.find(id_)
        assert held.withheld
        assert held.outputs == ()
        assert await flags_of(app, id_) == [("image", "could not be checked")]
        assert await pending(app) == (id_,)
        assert app.notifier.told(id_) == []
        telling = await reviews.decide(Actor(MO, GUILD), id_, approved=True)
        await app.service.tell_decided(id_, telling)
        approved = await app.ended(id_)
        assert len(approved.outputs) == 1


async def test_a_spoiler_is_put_before_what_is_found(open_checked, database_url, backend, tools):
    async with open_checked(database_url, backend) as app:
        await open_checked.gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.SPOILER))
        await Reviews(app.database, utc_now).set_mode(Actor(MO, GUILD), None, ReviewMode.FLAGGED)
        found = await app.ended(await submit(app, tools))
        assert (found.state, found.spoiler) == (GenerationState.SUCCEEDED, True)
        assert app.notifier.told(found.id)[0].spoiler
        with app.database.transaction(read_only=True) as session:
            review = ReviewRepository(session).find(found.id)
        assert review.state == "shown"
        adult = await app.ended(await submit(app, tools, user_id=2, is_channel_age_restricted=True))
        assert not adult.spoiler
        elsewhere = await app.ended(await submit(app, tools, user_id=3, guild_id=6))
        assert not elsewhere.spoiler


async def test_moderators_are_not_shown_spoilers_where_they_did_not_ask_for_them(
    open_checked, sqlite_url, backend, tools
):
    async with open_checked(sqlite_url, backend) as app:
        await open_checked.gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.SPOILER))
        found = await app.ended(await submit(app, tools))
        assert found.spoiler
        with app.database.transaction(read_only=True) as session:
            assert ReviewRepository(session).find(found.id) is None


async def test_a_failed_generation_is_nothing_to_review(open_app, sqlite_url, backend, tools):
    async with open_app(sqlite_url, backend) as app:
        backend.script.append(tools.Run(error=RunStalled("x")))
        failed = await app.ended(await submit(app, tools))
        with app.database.transaction() as session:
            ReviewRepository(session).begin(failed.id, SHOWN, utc_now())
        await Reviews(app.database, utc_now).show(failed)
        with app.database.transaction(read_only=True) as session:
            assert ReviewRepository(session).find(failed.id) is None


async def test_after_a_result_that_cannot_be_read_no_other_is_checked(database, checker, tools):
    gate = ImageGate(database, checker, utc_now)
    await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.REFUSE))
    contents = (b"torn", tools.build_picture(colour="red"))
    outputs = [NewOutput(i, "x.png", "image/png", one) for i, one in enumerate(contents)]
    assert (await gate.judge(Asked, outputs)).verdict is ImageVerdict.HOLD
    assert not checker.threads
    gate.close()


async def test_one_picture_is_checked_at_a_time(checker, tools):
    checker.waits = threading.Event()
    gate = ImageGate(None, checker, utc_now)
    assert gate.is_installed
    policy, picture = ImagePolicy(CheckMode.REFUSE), tools.build_picture(colour="green")
    previews = [asyncio.create_task(gate.may_preview(policy, picture)) for _ in range(2)]
    await tools.eventually(lambda: checker.asked == 2)
    checker.waits.set()
    assert await asyncio.gather(*previews) == [True, True]
    assert len(checker.threads) == 1
    gate.close()


async def test_closing_waits_for_no_check_and_begins_no_further_one(database, checker, tools):
    checker.waits = threading.Event()
    gate = ImageGate(database, checker, utc_now)
    await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.REFUSE))
    picture = NewOutput(0, "x.png", "image/png", tools.build_picture(colour="green"))
    checks = [asyncio.create_task(gate.judge(Asked, [picture])) for _ in range(2)]
    await tools.eventually(lambda: checker.asked == 2 and checker.threads)
    (thread,) = checker.threads
    gate.close()
    assert thread.is_alive()
    checker.waits.set()
    ended = await asyncio.gather(*checks, return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["CancelledError", "Ruling"]
    await tools.eventually(lambda: not thread.is_alive())


async def test_previews_are_seen_once_they_were_looked_at(
    open_checked, sqlite_url, backend, tools, checker, notifier
):
    def previews(id_):
        return [
            event.preview
            for event in notifier.events
            if isinstance(event, Running) and event.generation.id == id_
        ]

    async with open_checked(sqlite_url, backend) as app:
        shown = await app.ended(await submit(app, tools))
        assert any(previews(shown.id)), "nothing is looked at where nobody wants it"
        await open_checked.gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.SPOILER))
        checker.threads.clear()
        hidden = await app.ended(await submit(app, tools, user_id=2))
        assert hidden.spoiler
        assert previews(hidden.id)
        assert not any(previews(hidden.id))
        assert threading.main_thread() not in checker.threads
        assert len(checker.threads) == 1


async def test_a_veil_lets_harmless_previews_through_and_stays_down_after_another(
    database, checker, tools
):
    gate = ImageGate(database, checker, utc_now, preview_interval_s=0.0)
    await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.REFUSE))
    red, green = tools.build_picture(colour="red"), tools.build_picture(colour="green")

    async with await gate.preview_filter(Asked) as preview_filter:
        preview_filter.take(green)
        assert preview_filter.shown is None, "before the look, nothing is seen"
        await tools.eventually(lambda: preview_filter.shown == green)
        await tools.eventually(lambda: not gate.is_busy)
        await tools.eventually(preview_filter._look.done)
        preview_filter.take(red)
        await tools.eventually(lambda: preview_filter.shown is None)
        await preview_filter._look
        preview_filter.take(green)
        await preview_filter._look
        assert preview_filter.shown is None
    gate.close()


async def test_a_preview_needs_less_certainty_and_is_also_seen_without_its_noise(database, tools):
    class Unsure:
        seen = ()

        def check(self, picture):
            self.seen = (*self.seen, picture)
            return Detections({"breast": 0.25 if len(self.seen) % 2 == 0 else 0.1})

    checker = Unsure()
    gate = ImageGate(database, checker, utc_now)
    policy = ImagePolicy(CheckMode.SPOILER, 90)
    noisy = tools.build_picture(colour="green")
    assert not await gate.may_preview(policy.in_channel(is_age_restricted=False), noisy)
    assert len(checker.seen) == 2
    assert await gate.may_preview(policy.in_channel(is_age_restricted=True), noisy)
    assert len(checker.seen) == 2
    gate.close()


async def test_a_preview_is_let_go_while_a_result_is_looked_at(database, checker, tools):
    gate = ImageGate(database, checker, utc_now, preview_interval_s=0.0)
    await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.REFUSE))
    green = tools.build_picture(colour="green")
    await gate.judge(Asked, [NewOutput(0, "x.png", "image/png", green)])
    checker.waits = threading.Event()

    async with (
        await gate.preview_filter(Asked) as first,
        await gate.preview_filter(Asked) as second,
    ):
        first.take(green)
        await tools.eventually(lambda: gate.is_busy)
        second.take(green)
        assert second._look is None
        checker.waits.set()
    gate.close()


async def test_a_checker_that_takes_too_long_is_not_waited_for(database, checker, tools):
    gate = ImageGate(database, checker, utc_now, timeout_s=0.05)
    await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.REFUSE))
    checker.waits = threading.Event()

    output = NewOutput(0, "x.png", "image/png", tools.build_picture(colour="green"))
    assert (await gate.judge(Asked, [output])).verdict is ImageVerdict.HOLD
    assert not gate.is_busy
    checker.waits.set()
    gate.close()


@pytest.mark.parametrize(
    ("name", "media_type", "content", "verdict"),
    [
        ("a.gif", "image/gif", (GREEN, GREEN, RED), ImageVerdict.REFUSE),
        ("a.gif", "image/gif", (GREEN, GREEN, (0, 200, 0)), ImageVerdict.SHOW),
        ("a.bin", "application/octet-stream", (RED,), ImageVerdict.REFUSE),
        ("a.png", "image/png", b"torn", ImageVerdict.HOLD),
        ("a.mp4", "video/mp4", b"torn", ImageVerdict.HOLD),
        ("a.mp4", "video/mp4", slides(GREEN, GREEN, RED), ImageVerdict.REFUSE),
        ("a.mp4", "video/mp4", slides(GREEN, GREEN, GREEN), ImageVerdict.SHOW),
        ("a.mp3", "audio/mpeg", b"a sound", ImageVerdict.SHOW),
        ("a.txt", "text/plain", b"words", ImageVerdict.SHOW),
    ],
)
async def test_everything_that_shows_something_is_looked_at(
    database, checker, tools, name, media_type, content, verdict
):
    gate = ImageGate(database, checker, utc_now)
    await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.REFUSE))
    content = content if isinstance(content, bytes) else film(*content)

    ruling = await gate.judge(Asked, [NewOutput(0, name, media_type, content)])
    assert ruling.verdict is verdict
    gate.close()


async def test_what_is_shown_once_more_is_looked_at_for_its_new_place(
    open_checked, sqlite_url, backend, tools, checker
):
    async with open_checked(sqlite_url, backend) as app:
        gate = open_checked.gate
        # It was made where nobody looks.
        made = await app.ended(await submit(app, tools, guild_id=6, is_channel_age_restricted=True))
        contents = await stored(app, made.id)
        here = Requester(1, "Ana", 9, GUILD)
        assert await gate.admit(made, contents, here) == made
        await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.SPOILER))
        assert (await gate.admit(made, contents, here)).spoiler
        green = replace(contents[0], content=tools.build_picture(colour="green"))
        assert await gate.admit(made, (green,), here) == made
        among_adults = replace(here, is_channel_age_restricted=True)
        assert await gate.admit(made, contents, among_adults) == made
        for mode in (CheckMode.HOLD, CheckMode.REFUSE):
            await gate.set_policy(Actor(MO, GUILD), ImagePolicy(mode))
            with pytest.raises(RequestRefused) as refusal:
                await gate.admit(made, contents, here)
            assert refusal.value.kind is FailureKind.BLOCKED_BY_FILTER
        checker.error = ValueError("out of order")
        await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.SPOILER))
        with pytest.raises(RequestRefused):
            await gate.admit(made, contents, here)


async def test_what_a_moderator_approved_of_is_shown_once_more(
    open_checked, sqlite_url, backend, tools
):
    async with open_checked(sqlite_url, backend) as app:
        gate, reviews = open_checked.gate, Reviews(app.database, utc_now)
        await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.HOLD))
        id_ = await submit(app, tools)
        await app.until(id_, GenerationState.SUCCEEDED)
        telling = await reviews.decide(Actor(MO, GUILD), id_, approved=True)
        await app.service.tell_decided(id_, telling)
        approved, contents = await app.ended(id_), await stored(app, id_)
        assert await gate.admit(approved, contents, Requester(1, "Ana", 9, GUILD)) == approved
        await gate.set_policy(Actor(MO, 6), ImagePolicy(CheckMode.HOLD))
        with pytest.raises(RequestRefused):
            await gate.admit(approved, contents, Requester(1, "Ana", 9, 6))


async def test_without_a_checker_it_can_only_be_switched_off(database):
    gate = ImageGate(database, None, utc_now)
    with pytest.raises(RequestRefused, match="not installed"):
        await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.SPOILER))
    await gate.set_policy(Actor(MO, GUILD), ImagePolicy())
    assert not gate.is_installed
    assert await gate.policy(None) == ImagePolicy()


async def test_a_checker_that_was_taken_away_lets_nothing_through(database, checker, tools, caplog):
    bare = ImageGate(database, None, utc_now)
    await bare.warn_if_missed()
    assert not caplog.records
    await ImageGate(database, checker, utc_now).set_policy(
        Actor(MO, GUILD), ImagePolicy(CheckMode.REFUSE)
    )

    await bare.warn_if_missed()
    assert "want their pictures checked: 1. NudeNet is not installed" in caplog.text
    caplog.clear()
    picture = NewOutput(0, "x.png", "image/png", tools.build_picture(colour="green"))
    assert (await bare.judge(Asked, [picture])).verdict is ImageVerdict.HOLD
    assert "limner[nsfw]" in caplog.text
    sound = NewOutput(0, "x.mp3", "audio/mpeg", b"a sound")
    assert (await bare.judge(Asked, [sound])).verdict is ImageVerdict.SHOW


async def test_a_result_that_breaks_its_reader_is_held(database, checker, monkeypatch):
    def fail(_content):
        raise MemoryError

    monkeypatch.setattr("generation.media.imaging.stills", fail)
    gate = ImageGate(database, checker, utc_now)
    await gate.set_policy(Actor(MO, GUILD), ImagePolicy(CheckMode.SPOILER))
    outputs = [NewOutput(0, "x.png", "image/png", b"x")]
    ruling = await gate.judge(Asked, outputs)
    assert (ruling.verdict, ruling.note) == (ImageVerdict.HOLD, "could not be checked")
    gate.close()


@pytest.mark.parametrize(("interval_s", "is_busy"), [(3600.0, False), (0.0, True), (0.0, False)])
async def test_previews_are_checked_once_an_interval_and_while_nothing_else_is(interval_s, is_busy):
    checked = []

    async def may_show(preview):
        checked.append(preview)
        return True

    busy = False
    async with PreviewFilter(may_show, lambda: busy, interval_s) as previews:
        previews.take(b"1")
        previews.take(b"2")  # while the first is checked
        await previews._look
        busy = is_busy
        previews.take(b"3")
        await previews._look
    expected = [b"1"] if interval_s or is_busy else [b"1", b"3"]
    assert (checked, previews.shown) == (expected, expected[-1])


async def test_a_check_of_a_preview_ends_with_its_run():
    async def never(_preview):
        await asyncio.Event().wait()

    async with PreviewFilter(never) as previews:
        previews.take(b"1")
        await asyncio.sleep(0)
    assert previews._look.cancelled()
