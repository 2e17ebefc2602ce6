"""Defaults fill in what is left out, and only where there is a place for them."""

import asyncio

import pytest

from generation.backends.pool import BackendPool
from generation.errors import RequestRefused
from generation.people.personal_data import PersonalData
from generation.people.preferences import MAX_PRESETS, Defaults, Preferences
from generation.request import GenerationRequest, Layout, Requester
from generation.service import utc_now
from tests.support.shipped import load_shipped

ANA, BEN = 1, 2


@pytest.fixture(scope="session")
def catalog():
    return load_shipped()


@pytest.fixture
def preferences(database, catalog):
    return Preferences(database, catalog, BackendPool([]), utc_now)


async def attached():
    return b""


def ask(**facts):
    return GenerationRequest(Requester(ANA, "ana", 9), "a fox", **facts)


async def test_they_are_kept_for_each_person_and_can_be_reset(preferences):
    assert await preferences.defaults(ANA) == Defaults()
    await preferences.change(ANA, workflow="txt2img-sd", private=True, layout=Layout.GRID)
    await preferences.change(ANA, negative="  rain\x00 ", count=2)
    kept = await preferences.defaults(ANA)
    assert kept == Defaults("txt2img-sd", None, 2, "rain", private=True, layout=Layout.GRID)
    assert await preferences.defaults(BEN) == Defaults()
    await preferences.reset(ANA)
    assert await preferences.defaults(ANA) == Defaults()


@pytest.mark.parametrize(
    ("request_", "values", "workflow", "aspect"),
    [
        (ask(), {"negative": "rain", "count": 2}, "txt2img-sd3", "3:2"),
        (ask(values={"negative": "snow"}), {"negative": "snow", "count": 2}, "txt2img-sd3", "3:2"),
        (ask(aspect="1:1"), {"negative": "rain", "count": 2}, "txt2img-sd3", "1:1"),
        (ask(values={"size": "64x64"}), None, "txt2img-sd3", None),
        # Flux knows no negative prompt, and nobody asked for one just now.
        (ask(workflow="txt2img-flux"), {"count": 2}, "txt2img-flux", "3:2"),
        (ask(workflow="upscale", files={"image": attached}), {}, "upscale", None),
        # Its shape is that of the picture.
        (
            ask(workflow="img2vid-wan", files={"image": attached}),
            {"negative": "rain"},
            "img2vid-wan",
            None,
        ),
        # The default workflow has no place for a picture.
        (
            ask(files={"image": attached}),
            {"negative": "rain", "count": 2},
            "img2img-sd",
            None,
        ),
    ],
)
def test_a_default_goes_where_there_is_a_place(preferences, request_, values, workflow, aspect):
    defaults = Defaults("txt2img-sd3", "3:2", 2, "rain")
    completed = preferences.complete(request_, defaults)
    assert completed.workflow == workflow
    assert completed.aspect == aspect
    if values is not None:
        assert completed.values == values


def test_what_is_explicit_is_left_to_be_refused(preferences):
    for request in (ask(values={"wings": 2}), ask(workflow="gone")):
        completed = preferences.complete(request, Defaults("txt2img-sd", "3:2", 2, "rain"))
        assert completed.values == request.values
        assert completed.workflow == request.workflow


def test_a_default_that_is_gone_or_out_of_bounds_is_left_out(preferences):
    completed = preferences.complete(ask(), Defaults("gone", count=99, negative="x" * 10))
    assert completed.values == {"negative": "x" * 10}
    assert completed.workflow == "txt2img-sd"


def test_what_another_version_wrote_is_no_reason_to_fail():
    assert Defaults.parse({"layout": "mosaic", "glow": 3, "count": 2}) == Defaults(count=2)


async def test_while_the_records_are_slow_what_was_known_last_is_taken(preferences, monkeypatch):
    await preferences.change(ANA, count=3)

    async def never(_user_id):
        await asyncio.Event().wait()

    monkeypatch.setattr(preferences, "defaults", never)
    assert await preferences.defaults_before(ANA, 0.0) == Defaults(count=3)
    assert await preferences.defaults_before(BEN, 0.0) == Defaults(private=True)


async def test_presets_are_found_whatever_the_case_and_replaced(preferences):
    assert await preferences.save_preset(ANA, " My  Ink ", {"steps": 20}) == "My Ink"
    await preferences.save_preset(ANA, "my ink", {"steps": 30, "workflow": "txt2img-sd"})
    assert await preferences.presets(ANA) == {"my ink": {"steps": 30, "workflow": "txt2img-sd"}}
    assert (await preferences.find_preset(Requester(ANA, "ana", 9), "MY INK"))["steps"] == 30
    with pytest.raises(RequestRefused, match="no preset of that name"):
        await preferences.find_preset(Requester(BEN, "ben", 9), "my ink")
    await preferences.delete_preset(ANA, "My ink")
    with pytest.raises(RequestRefused):
        await preferences.delete_preset(ANA, "My ink")
    assert await preferences.presets(ANA) == {}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("", {"steps": 3}),
        ("n" * 33, {"steps": 3}),
        ("ink", {}),
        ("ink", {"workflow": "gone"}),
        ("ink", {"workflow": "txt2img-flux", "negative": "rain"}),
    ],
)
async def test_a_preset_that_could_never_be_used_is_refused(preferences, name, values):
    with pytest.raises(RequestRefused):
        await preferences.save_preset(ANA, name, values)


async def test_nobody_keeps_presets_without_end(preferences):
    for number in range(MAX_PRESETS):
        await preferences.save_preset(ANA, f"p{number}", {"steps": 3})
    with pytest.raises(RequestRefused, match="50 presets already"):
        await preferences.save_preset(ANA, "one more", {"steps": 3})
    await preferences.save_preset(ANA, "P7", {"steps": 4})
    assert len(await preferences.presets(ANA)) == MAX_PRESETS


async def test_what_somebody_deleted_is_not_remembered_while_the_records_are_slow(
    database, preferences
):
    await preferences.change(ANA, negative="rain")
    await PersonalData(database, utc_now, preferences).delete(ANA)
    assert await preferences.defaults_before(ANA, 0.0) == Defaults(private=True)
