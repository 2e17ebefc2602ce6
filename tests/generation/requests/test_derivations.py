"""What comes of results: who may, by which workflow, from which picture, with which values."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PIL import Image

from generation.backends.pool import BackendPool
from generation.errors import GenerationRemoved, NotYours, RequestRefused, UnknownGeneration
from generation.history.records import Order
from generation.record import Generation, GenerationState, InputFile, Output, OutputContent
from generation.request import Derivation, Requester
from generation.requests.available_actions import ActionFinder, AvailableActions
from generation.requests.derivations import Changes, Derivations, Start
from tests.support.fake_service import find_ancestors
from tests.support.shipped import load_shipped
from workflows.manifest import Kind

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GUILD = 5
ANA = Requester(1, "ana", 9, GUILD)
BEN = Requester(2, "ben", 9, GUILD)


def picture(size=(32, 24), colour="teal"):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def build(id_="k7f3q", *, count=1, media_type="image/png", size=1024, **facts):
    outputs = tuple(
        Output(position, f"x{position}.png", media_type, 10, size, size)
        for position in range(count)
    )
    generation = Generation(
        id=id_,
        user_id=ANA.user_id,
        user_name="ana",
        guild_id=GUILD,
        channel_id=9,
        workflow="txt2img-sd",
        prompt="a fox",
        values={"seed": 7, "steps": 20, "cfg": 7.0, "count": count, "negative": "rain"},
        seed=7,
        state=GenerationState.SUCCEEDED,
        cost=1,
        private=False,
        spoiler=False,
        created_at=NOON,
        outputs=outputs,
    )
    return replace(generation, **facts)


class RequestService:
    """A service in memory."""

    def __init__(self):
        self.known = {}
        self.given = {}
        self.kept = {}
        self.submitted = []
        self.fetched = {}

    def add(self, generation, *contents):
        self.known[generation.id] = generation
        self.kept[generation.id] = tuple(
            OutputContent(output, content)
            for output, content in zip(generation.outputs, contents, strict=False)
        )
        return generation

    async def submit(self, request):
        self.fetched = {name: await fetch() for name, fetch in request.files.items()}
        self.submitted.append(request)
        return request

    async def find(self, generation_id):
        return self.known.get(generation_id)

    async def find_ancestors(self, generation_id):
        return find_ancestors(self.known, generation_id)

    async def find_order(self, generation_id):
        files = self.given.get(generation_id, ())
        # As the service has it: without what it made.
        generation = replace(self.known[generation_id], outputs=())
        return Order(generation, files, is_wanted=False)

    async def find_input_names(self, generation_id):
        return tuple(file.name for file in self.given.get(generation_id, ()))

    async def contents(self, generation_id):
        return self.kept.get(generation_id, ())


@pytest.fixture(scope="session")
def catalog():
    return load_shipped()


@pytest.fixture
def action_finder(catalog):
    return ActionFinder(catalog, BackendPool([]))


@pytest.fixture
def service():
    return RequestService()


@pytest.fixture
def derivations(service, action_finder, catalog):
    return Derivations(service, action_finder, catalog)


async def nothing(_generation, _output):
    return None


async def attached():
    return picture()


def test_what_is_offered_follows_the_results(action_finder):
    assert action_finder.of(build(count=2)) == AvailableActions(
        *[(0, 1)] * 5, again=True, remix=True
    )
    # What would be made smaller first is not made larger.
    assert action_finder.of(build(size=4096)).upscale == ()
    # An upscale has neither a prompt of its own nor a seed.
    upscaled = action_finder.of(build(workflow="upscale"))
    assert (upscaled.again, upscaled.remix, upscaled.vary) == (False, False, (0,))
    assert action_finder.of(build(prompt="")).vary == ()
    assert action_finder.of(build(media_type="video/mp4")) == AvailableActions(
        again=True, remix=True
    )
    assert action_finder.of(build(workflow="gone")) == AvailableActions(*[(0,)] * 5)
    for over in (
        build(removed_at=NOON),
        build(state=GenerationState.FAILED),
        build(state=GenerationState.RUNNING),
    ):
        assert action_finder.of(over) == AvailableActions()


@pytest.mark.parametrize(
    ("facts", "requester", "error"),
    [
        ({}, BEN, None),
        ({"private": True}, ANA, None),
        ({"private": True}, BEN, NotYours),
        ({"guild_id": None}, BEN, NotYours),
        ({"guild_id": 404}, BEN, NotYours),
        ({"guild_id": 404}, ANA, None),
        ({"removed_at": NOON}, ANA, GenerationRemoved),
    ],
)
async def test_who_may_see_it_may_go_on_from_it(derivations, service, facts, requester, error):
    generation = service.add(build(**facts))
    if error is None:
        assert await derivations.find_visible(" K7F3Q ", requester) == generation
    else:
        with pytest.raises(error):
            await derivations.again(generation.id, requester)


async def test_what_nobody_knows_is_not_found(derivations):
    with pytest.raises(UnknownGeneration):
        await derivations.upscale("zzzzz", 0, ANA)


async def test_an_upscale_takes_the_chosen_picture(derivations, service):
    service.add(build(count=2, spoiler=True), picture(), picture(colour="red"))
    request = await service.submit(await derivations.upscale("k7f3q", 1, BEN))
    assert (request.workflow, request.prompt) == ("upscale", "a fox")
    assert (request.parent_id, request.parent_position) == ("k7f3q", 1)
    assert (request.derivation, request.spoiler) == (Derivation.UPSCALE, True)
    assert request.requester == BEN
    sent = Image.open(io.BytesIO(service.fetched["image"]))
    assert sent.getpixel((0, 0)) == (255, 0, 0)


async def test_a_variation_carries_what_means_the_same_and_never_the_seed(derivations, service):
    service.add(build(count=3), picture(), picture(), picture())
    request = await derivations.vary("k7f3q", 2, BEN)
    assert request.workflow == "img2img-sd"
    # Steps and cfg are right for the model they were chosen for, which nobody knows here.
    assert request.values == {"negative": "rain", "count": 3}


async def test_again_repeats_all_but_the_seed(derivations, service):
    service.add(build(), picture())
    request = await derivations.again("k7f3q", BEN)
    values = {"steps": 20, "cfg": 7.0, "count": 1, "negative": "rain"}
    assert (request.values, request.files) == (values, {})


async def test_a_remix_changes_what_was_changed(derivations, service):
    service.add(build(values={"seed": 7, "steps": 20, "size": "64x64", "negative": "rain"}))
    changes = Changes("a bear", {"negative": None, "seed": 8}, "3:2")
    request = await derivations.remix("k7f3q", BEN, changes)
    assert request.values == {"steps": 20, "seed": 8}
    assert (request.prompt, request.aspect) == ("a bear", "3:2")


async def test_a_remix_takes_another_picture_than_the_one_it_started_from(derivations, service):
    service.add(build(workflow="img2img-sd"), picture(colour="red"))
    service.given["k7f3q"] = (ATTACHED,)

    async def fetch():
        return picture(colour="green")

    for requester in (ANA, BEN):
        request = await derivations.remix("k7f3q", requester, Changes("x", {}, picture=fetch))
        assert await colour_given(service, request) == (0, 128, 0)
    service.add(build("rrrrr"))
    with pytest.raises(RequestRefused, match="no place for: image"):
        await derivations.remix("rrrrr", ANA, Changes("x", {}, picture=fetch))


async def test_a_remix_with_another_picture_takes_its_shape(derivations, service):
    service.add(build(workflow="img2vid-wan", values={"seed": 7, "size": "704x1280"}))
    service.given["k7f3q"] = (ATTACHED,)
    before = await derivations.remix("k7f3q", ANA, Changes("x", {}))
    assert before.values == {"seed": 7, "size": "704x1280"}
    changes = Changes("x", {}, picture=attached)
    after = await derivations.remix("k7f3q", ANA, changes)
    assert (after.values, after.aspect) == ({"seed": 7}, None)


async def test_lines_of_a_remix_replace_all_values_that_have_a_line(derivations, service):
    service.add(build(values={"seed": 7, "steps": 20, "size": "64x64", "negative": "rain"}))
    changes = Changes("a bear", {}, listed={"steps": "9"})
    request = await derivations.remix("k7f3q", BEN, changes)
    assert request.values == {"steps": "9", "size": "64x64", "negative": "rain"}


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (Start("x"), Kind.IMG2IMG),
        (Start("x", files={"mask": attached}), Kind.INPAINT),
        (Start("x", files={"image_2": attached}), Kind.EDIT),
        (Start("x", Kind.EDIT), Kind.EDIT),
        (Start("x", Kind.IMG2VID), Kind.IMG2VID),
        (Start("x", Kind.EDIT, workflow="edit-qwen"), Kind.EDIT),
    ],
)
async def test_a_picture_goes_to_a_workflow_that_takes_what_is_given(
    derivations, service, catalog, start, kind
):
    service.add(build(count=2), picture(), picture(colour="red"))
    request = await derivations.use("k7f3q", 1, BEN, start)
    workflow = catalog.workflows[request.workflow]
    assert workflow.manifest.kind is kind
    assert start.workflow in (None, workflow.name)
    assert request.files.keys() == {"image", *start.files}
    assert (request.parent_position, request.results) == (1, {"image"})
    content = await request.files["image"]()
    assert Image.open(io.BytesIO(content)).getpixel((0, 0)) == (255, 0, 0)


async def test_a_picture_goes_to_no_workflow_of_another_kind(derivations, service):
    service.add(build(), picture())
    for start in (
        Start("x", Kind.EDIT, workflow="img2vid-wan"),
        Start("x", files={"mask": attached, "image_9": attached}),
    ):
        with pytest.raises(RequestRefused, match="No workflow can do that"):
            await derivations.use("k7f3q", 0, BEN, start)


async def test_what_is_not_kept_is_taken_from_where_it_was_posted(derivations, service):
    service.add(build())

    async def posted(generation, output):
        assert (generation.id, output.position) == ("k7f3q", 0)
        return picture((48, 48))

    await service.submit(await derivations.with_copies(posted).upscale("k7f3q", 0, ANA))
    sent = Image.open(io.BytesIO(service.fetched["image"]))
    assert sent.size == (48, 48)
    for lost in (derivations, derivations.with_copies(nothing)):
        with pytest.raises(RequestRefused, match="no longer stored"):
            await service.submit(await lost.upscale("k7f3q", 0, ANA))


async def test_again_finds_the_picture_that_a_variation_of_a_variation_came_from(
    derivations, service
):
    service.add(build("rrrrr", count=2), picture(), picture(colour="red"))
    child = {"workflow": "img2img-sd", "parent_id": "rrrrr", "parent_position": 1}
    service.add(build("ccccc", **child))
    service.add(build("ddddd", workflow="img2img-sd", parent_id="ccccc"))
    request = await derivations.again("ddddd", BEN)
    await service.submit(request)
    sent = Image.open(io.BytesIO(service.fetched["image"]))
    assert sent.getpixel((0, 0)) == (255, 0, 0)


async def test_again_takes_the_picture_that_was_given_while_it_is_kept(derivations, service):
    service.add(build(workflow="img2img-sd"))
    service.given["k7f3q"] = (InputFile("image", picture(), "image/png"),)
    request = await derivations.again("k7f3q", ANA)
    assert await request.files["image"]() == picture()
    service.given.clear()
    with pytest.raises(RequestRefused, match="Attach it again"):
        await derivations.again("k7f3q", ANA)


ATTACHED = InputFile("image", picture(colour="black"), "image/png")
MASK = InputFile("mask", picture(colour="white"), "image/png")

REPETITIONS = {
    "again": lambda made, id_, person: made.again(id_, person),
    "retry": lambda made, id_, person: made.retry(id_, person),
    "remix": lambda made, id_, person: made.remix(id_, person, Changes("x", {"strength": 0.05})),
}


async def colour_given(service, request):
    await service.submit(request)
    sent = Image.open(io.BytesIO(await service.submitted[-1].files["image"]()))
    return sent.convert("RGB").getpixel((0, 0))


@pytest.mark.parametrize("name", list(REPETITIONS))
async def test_what_somebody_else_attached_is_not_used(derivations, service, name):
    service.add(build(workflow="img2img-sd"), picture(colour="red"))
    service.given["k7f3q"] = (ATTACHED,)
    request = await REPETITIONS[name](derivations, "k7f3q", BEN)
    assert (request.parent_id, request.parent_position) == ("k7f3q", 0)
    assert await colour_given(service, request) == (255, 0, 0)
    request = await REPETITIONS[name](derivations, "k7f3q", ANA)
    assert await colour_given(service, request) == (0, 0, 0)


@pytest.mark.parametrize("name", list(REPETITIONS))
async def test_what_ones_own_repetition_took_over_from_another_is_not_used(
    derivations, service, name
):
    service.add(build("rrrrr", workflow="img2img-sd"), picture(colour="green"))
    mine = {"user_id": BEN.user_id, "parent_id": "rrrrr", "derivation": Derivation.REMIX}
    service.add(build("ccccc", workflow="img2img-sd", **mine), picture(colour="red"))
    service.given["ccccc"] = (ATTACHED,)
    request = await REPETITIONS[name](derivations, "ccccc", BEN)
    assert await colour_given(service, request) == (255, 0, 0)
    del service.known["rrrrr"]
    request = await REPETITIONS[name](derivations, "ccccc", BEN)
    assert await colour_given(service, request) == (255, 0, 0)


async def test_what_one_attached_to_ones_own_is_used_through_repetitions(derivations, service):
    service.add(build("rrrrr", workflow="img2img-sd"), picture(colour="green"))
    service.add(build("ccccc", workflow="img2img-sd", parent_id="rrrrr"), picture(colour="red"))
    service.given["ccccc"] = (ATTACHED,)
    request = await derivations.again("ccccc", ANA)
    assert await colour_given(service, request) == (0, 0, 0)


async def test_a_mask_is_asked_for_where_somebody_else_attached_it(derivations, service):
    service.add(build(workflow="inpaint-sd"), picture(colour="red"))
    service.given["k7f3q"] = (ATTACHED, MASK)
    with pytest.raises(RequestRefused, match="Attach your own with the command: mask"):
        await derivations.again("k7f3q", BEN)
    request = await derivations.again("k7f3q", ANA)
    assert request.files.keys() == {"image", "mask"}


async def test_what_failed_has_no_result_that_somebody_else_could_start_from(derivations, service):
    service.add(build(workflow="img2img-sd", state=GenerationState.FAILED, outputs=()))
    service.given["k7f3q"] = (ATTACHED,)
    with pytest.raises(RequestRefused, match="Attach your own with the command: image"):
        await derivations.retry("k7f3q", BEN)


async def test_a_start_that_one_does_not_see_is_not_used(derivations, service):
    service.add(build("rrrrr", private=True), picture(colour="black"))
    service.add(
        build("ccccc", workflow="img2img-sd", parent_id="rrrrr", parent_position=0),
        picture(colour="red"),
    )
    request = await derivations.again("ccccc", BEN)
    assert await colour_given(service, request) == (255, 0, 0)


@pytest.mark.parametrize("position", [1, 99])
async def test_a_picture_that_there_is_not_is_refused(derivations, service, position):
    service.add(build(), picture())
    with pytest.raises(RequestRefused, match="no such picture"):
        await derivations.upscale("k7f3q", position, ANA)


HIDDEN = ({"private": True}, {"guild_id": 404}, {"guild_id": None}, {"withheld": True})


@pytest.mark.parametrize("hidden", HIDDEN)
async def test_the_lineage_ends_at_what_somebody_may_not_see(derivations, service, hidden):
    service.add(build("ddddd", parent_id="ccccc"))
    service.add(build("ccccc", parent_id="bbbbb", **hidden))
    service.add(build("bbbbb"))
    assert await derivations.lineage.visible(service.known["ddddd"], BEN) == ()
    assert len(await derivations.lineage.visible(service.known["ddddd"], ANA)) == 2
