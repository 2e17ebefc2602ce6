import asyncio
import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from benchmarks.statements import counting_statements
from db.database import Database
from db.errors import Conflict
from db.repositories.generations import GenerationRepository
from db.repositories.guilds import GuildRepository
from db.repositories.moderation.flags import FlagRepository
from db.repositories.moderation.reviews import PENDING, SHOWN, ReviewRepository
from db.repositories.policies import PolicyRepository
from db.tables import ChargeRow
from generation.backends.members import PoolMember
from generation.backends.pool import BackendPool
from generation.errors import FailureKind, RequestRefused
from generation.ids import ID_ALPHABET, ID_CHARACTERS, normalise_id
from generation.moderation.blocks import Moderation
from generation.moderation.image_filter import ImageGate
from generation.moderation.review import ReviewMode, Reviews
from generation.moderation.word_filter import WordAction
from generation.prompts.wildcard_lists import WildcardLists
from generation.quota.usage import QuotaService
from generation.record import GenerationState
from generation.request import Actor, Derivation
from generation.requests.acceptance import Acceptor
from tests.support.clock import Clock
from tests.support.rows import generation_row
from workflows.folders.catalog import Catalog

GUILD = 5


@pytest.fixture
def clock():
    return Clock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def build(catalog, clock, backend):
    """Builds an acceptor over a pool that knows what the backend offers, if it is reachable."""

    async def build_(database, *, default_models=(), seed=1, reachable=True, checker=None):
        source = random.Random(seed)  # noqa: S311 - repeatable on purpose
        pool = BackendPool([PoolMember(backend)], default_models, source)
        if reachable:
            await pool.inventory.refresh(backend.name)
        usage = QuotaService(database, clock)
        return Acceptor(
            moderation=Moderation(database, clock),
            image_gate=ImageGate(database, checker, clock),
            wildcards=WildcardLists(database, None, clock),
            database=database,
            catalog=catalog,
            pool=pool,
            usage=usage,
            clock=clock,
            random_source=source,
        )

    return build_


@pytest.fixture
async def acceptor(build, database):
    return await build(database)


@pytest.fixture
async def quick(build, sqlite_url):
    """For questions that no database answers differently."""
    database = Database(sqlite_url)
    yield await build(database)
    await database.close()


async def refusal(acceptor, request):
    with pytest.raises(RequestRefused) as refused:
        await acceptor.accept(request)
    return refused.value


async def test_it_is_recorded_with_its_charge(acceptor, database, tools):
    accepted = await acceptor.accept(
        tools.ask("  a fox\x00 in\r\nthe snow ", count=2, aspect="3:2")
    )
    assert accepted.state is GenerationState.WAITING
    assert accepted.prompt == "a fox in\nthe snow"
    assert accepted.cost == 2
    assert accepted.values["size"] == "640x448"
    assert accepted.values["model"] == "alpha.safetensors"
    assert "prompt" not in accepted.values
    assert accepted.seed == accepted.values["seed"] < 2**53
    assert accepted.reply == "where to"
    assert len(accepted.id) == ID_CHARACTERS == 5, "short enough to say aloud"
    assert set(accepted.id) <= set(ID_ALPHABET)
    with database.transaction() as session:
        row = GenerationRepository(session).get(accepted.id)
    assert row.values == dict(accepted.values)


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        ((90, 160), {}, "384x704"),
        ((160, 90), {}, "704x384"),
        ((100, 10), {}, "1024x256"),
        ((90, 160), {"aspect": "1:1"}, "512x512"),
        ((90, 160), {"size": "256x256"}, "256x256"),
    ],
)
async def test_a_size_that_nobody_chose_follows_the_picture(quick, tools, size, options, expected):
    files = {"image": tools.build_picture(size)}
    accepted = await quick.accept(tools.ask(workflow="img2img-sd", files=files, **options))
    assert accepted.values["size"] == expected


async def test_how_it_came_from_another_is_recorded(acceptor, database, tools):
    parent = await acceptor.accept(tools.ask())
    request = replace(
        tools.ask(user_id=2), parent_id=parent.id, parent_position=1, derivation=Derivation.VARY
    )
    accepted = await acceptor.accept(request)
    with database.transaction(read_only=True) as session:
        row = GenerationRepository(session).get(accepted.id)
    assert (row.parent_id, row.parent_position, row.derivation) == (parent.id, 1, "vary")


async def test_a_seed_of_64_bits_is_kept(acceptor, tools):
    accepted = await acceptor.accept(tools.ask(seed=2**64 - 1))
    assert accepted.seed == accepted.values["seed"] == 2**64 - 1


async def test_a_drawn_seed_is_a_number_that_every_client_shows_exactly(quick, tools):
    class Highest(random.Random):
        def randrange(self, stop):
            return stop - 1

    quick._checker._random = Highest()
    assert (await quick.accept(tools.ask())).seed == 2**53 - 1


async def test_options_without_a_place_are_refused_by_name(quick, tools):
    refused = await refusal(quick, tools.ask(cfg=3.0, negative="x"))
    assert refused.kind is FailureKind.INVALID_OPTION
    assert refused.sentence.startswith("The workflow txt2img-sd has no place for: cfg, negative. ")
    refused = await refusal(quick, tools.ask(files={"image": tools.PICTURE}))
    assert refused.sentence.startswith("The workflow txt2img-sd has no place for: image. ")


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"steps": 99}, "steps"),
        ({"steps": "many"}, "steps"),
        ({"seed": -1}, "seed"),
        ({"count": 5}, "count"),
        ({"aspect": "9000:1"}, "size"),
        ({"workflow": "no-such"}, "workflow"),
        ({"workflow": "../../etc/passwd"}, "workflow"),
        ({"prompt": " \n\x07 "}, "prompt"),
        ({"prompt": "x" * 2001}, "prompt"),
        ({"workflow": "img2img-sd"}, "image"),
        ({"workflow": "img2img-sd", "image": "/etc/passwd"}, "image"),
    ],
)
async def test_bad_values_are_refused(quick, tools, options, option):
    refused = await refusal(quick, tools.ask(**options))
    assert refused.kind is FailureKind.INVALID_OPTION
    assert refused.facts["option"] == option


async def test_a_hostile_prompt_stays_text(quick, tools):
    prompt = '"]}, ["1", 0] ../../x @everyone <@1> {a|b} \ud800 embedding:x \u202e'
    accepted = await quick.accept(tools.ask(prompt))
    assert "\ud800" not in accepted.prompt
    assert accepted.prompt.startswith('"]}, ["1", 0] ../../x @everyone')


@pytest.mark.parametrize(
    ("images", "workflow"),
    [
        ((), "txt2img-sd"),
        (("image",), "img2img-sd"),
        (("image", "mask"), "inpaint-sd"),
    ],
)
async def test_the_default_workflow_fits_what_was_given(quick, tools, images, workflow):
    pictures = {name: tools.build_picture(colour="white") for name in images}
    accepted = await quick.accept(tools.ask(workflow=None, files=pictures))
    assert accepted.workflow == workflow


async def test_the_default_workflow_needs_a_place_for_everything(quick, tools):
    refused = await refusal(quick, tools.ask(workflow=None, cfg=2))
    assert refused.sentence.startswith("The workflow txt2img-sd has no place for: cfg. ")


async def test_bad_attachments_are_refused(quick, tools):
    for content in (b"GIF89a", b"", tools.PICTURE[:60]):
        request = tools.ask(workflow="img2img-sd", files={"image": content})
        refused = await refusal(quick, request)
        assert refused.kind is FailureKind.INVALID_ATTACHMENT


class Attachments:
    """Counts what is fetched, and lets nobody have it before `is_there` is set."""

    def __init__(self, content):
        self.content = content
        self.is_there = asyncio.Event()
        self.begun = 0
        self.at_once = 0
        self.most_at_once = 0

    async def fetch(self):
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.is_there.wait()
        self.at_once -= 1
        return self.content


async def test_nothing_is_fetched_for_who_may_not_generate_now(acceptor, tools):
    await acceptor.accept(tools.ask())
    attachments = Attachments(tools.PICTURE)
    request = replace(tools.ask(workflow="img2img-sd"), files={"image": attachments.fetch})
    assert (await refusal(acceptor, request)).kind is FailureKind.SLOW_DOWN
    assert attachments.begun == 0


async def test_one_attachment_of_a_person_is_fetched_at_a_time_and_the_rest_refused(
    acceptor, tools
):
    attachments = Attachments(tools.PICTURE)
    request = replace(tools.ask(workflow="img2img-sd"), files={"image": attachments.fetch})
    asking = asyncio.gather(*(acceptor.accept(request) for _ in range(8)), return_exceptions=True)
    await tools.eventually(lambda: attachments.begun)
    attachments.is_there.set()
    kinds = Counter(getattr(one, "kind", "accepted") for one in await asking)
    assert kinds == {"accepted": 1, FailureKind.SLOW_DOWN: 7}
    assert attachments.begun == 1


async def test_two_peoples_attachments_are_fetched_at_a_time(acceptor, tools):
    attachments = Attachments(tools.PICTURE)
    requests = [
        replace(
            tools.ask(workflow="img2img-sd", user_id=user_id), files={"image": attachments.fetch}
        )
        for user_id in range(1, 7)
    ]
    asking = asyncio.gather(*map(acceptor.accept, requests))
    await tools.eventually(lambda: attachments.at_once == 2)
    attachments.is_there.set()
    assert len(await asking) == 6
    assert attachments.most_at_once == 2


async def test_a_checked_request_is_accepted_as_it_was_checked(acceptor, database, tools):
    request = tools.ask()
    # A guild's first request begins its settings: from the second on, its rules are passed on too.
    await acceptor.accept(tools.ask(user_id=2))
    checked = await acceptor.check(request)
    with counting_statements() as counter:
        accepted = await acceptor.accept(replace(request, reply="there", private=True), checked)
    assert (accepted.seed, accepted.values) == (checked.seed, checked.values)
    assert (accepted.reply, accepted.private) == ("there", True)
    read = " ".join(text for text in counter.snapshot() if text.startswith("SELECT"))
    tables = ("blocks", "terms", "guilds", "role_policies", "grants", "channel_policies")
    assert not [table for table in tables if f"FROM {table}" in " ".join(read.split())]


async def test_what_was_used_since_a_check_counts(acceptor, tools):
    request = tools.ask()
    checked = await acceptor.check(request)
    await acceptor.accept(request, checked)
    with pytest.raises(RequestRefused) as caught:
        await acceptor.accept(request, checked)
    assert caught.value.kind is FailureKind.SLOW_DOWN


@pytest.mark.parametrize(
    ("prompt", "late_s", "expected"),
    [
        ("a fox", 0, None),
        ("a fox", 5, None),
        ("a wolf", 0, "wolf"),
        ("a fox", 6, "fox"),
        ("a fox", -6, "fox"),
    ],
)
async def test_another_or_an_old_request_is_judged_anew(
    acceptor, database, clock, tools, prompt, late_s, expected
):
    checked = await acceptor.check(tools.ask("a fox"))
    moderation = Moderation(database, clock)
    for word in ("fox", "wolf"):
        await moderation.watch(Actor(1, GUILD), word, WordAction.REFUSE, is_expression=False)
    clock.pass_(seconds=late_s)
    request = tools.ask(prompt)
    if expected is None:
        assert await acceptor.accept(request, checked)
        return
    with pytest.raises(RequestRefused) as caught:
        await acceptor.accept(request, checked)
    assert caught.value.facts["word"] == expected


async def test_a_picture_that_cannot_be_used_costs_neither_a_place_nor_a_wait(
    acceptor, database, clock, tools
):
    with database.transaction() as session:
        GuildRepository(session).get_or_create(GUILD, now=clock())
        GuildRepository(session).update(GUILD, max_line=1)
    bad = tools.ask(workflow="img2img-sd", files={"image": b"<html>"})
    assert (await refusal(acceptor, bad)).kind is FailureKind.INVALID_ATTACHMENT
    assert await acceptor.check(tools.ask(user_id=2)), "the place is free"
    clock.pass_(seconds=6)
    assert await acceptor.accept(tools.ask())


async def test_a_model_that_nobody_has_is_refused_with_the_list(quick, tools):
    refused = await refusal(quick, tools.ask(model="../secret.safetensors"))
    assert refused.kind is FailureKind.MISSING_MODEL
    assert refused.facts["installed"] == ["alpha.safetensors", "beta.safetensors"]
    refused = await refusal(quick, tools.ask(lora="none.safetensors"))
    assert refused.kind is FailureKind.MISSING_MODEL


@pytest.mark.parametrize(
    ("installed", "defaults", "expected"),
    [
        (("alpha.safetensors", "beta.safetensors"), (), "alpha.safetensors"),
        (("alpha.safetensors", "beta.safetensors"), ("x", "beta.safetensors"), "beta.safetensors"),
        (("gamma.safetensors",), (), "gamma.safetensors"),
        (("gamma.safetensors", "delta.safetensors"), (), None),
        ((), (), None),
    ],
)
async def test_which_model_is_taken(
    build, sqlite_url, backend, tools, installed, defaults, expected
):
    backend.info = tools.build_object_info(models=installed)
    database = Database(sqlite_url)
    acceptor = await build(database, default_models=defaults)
    if expected is None:
        refused = await refusal(acceptor, tools.ask())
        assert refused.kind is FailureKind.MISSING_MODEL
        assert refused.facts["installed"] == list(installed)
    else:
        assert (await acceptor.accept(tools.ask())).values["model"] == expected
    await database.close()


async def test_while_no_backend_has_spoken_names_are_taken_as_they_are(build, sqlite_url, tools):
    database = Database(sqlite_url)
    acceptor = await build(database, reachable=False)
    accepted = await acceptor.accept(tools.ask(model="any.safetensors"))
    assert accepted.values["model"] == "any.safetensors"
    await database.close()


async def test_limits_hold_when_many_ask_at_once(acceptor, database, clock, tools):
    with database.transaction() as session:
        guilds = GuildRepository(session)
        guilds.get_or_create(GUILD, now=clock.now)
        guilds.update(GUILD, pictures=3, cooldown_s=0)
    results = await asyncio.gather(
        *(acceptor.accept(tools.ask(count=1)) for _ in range(8)), return_exceptions=True
    )
    kinds = Counter(getattr(one, "kind", "accepted") for one in results)
    assert kinds == {"accepted": 3, FailureKind.DAILY_LIMIT: 5}


async def test_cooldown_line_and_own_limits(acceptor, database, clock, tools):
    await acceptor.accept(tools.ask())
    refused = await refusal(acceptor, tools.ask())
    assert refused.kind is FailureKind.SLOW_DOWN
    for _ in range(3):
        clock.pass_(seconds=11)
        await acceptor.accept(tools.ask())
    clock.pass_(seconds=11)
    assert (await refusal(acceptor, tools.ask())).kind is FailureKind.QUEUE_FULL
    with database.transaction() as session:
        PolicyRepository(session).set_role(GUILD, 77, has_priority=True)
    assert (await acceptor.accept(tools.ask(role_ids=[77]))).priority
    with database.transaction() as session:
        GuildRepository(session).update(GUILD, max_line=5)
    assert (await refusal(acceptor, tools.ask(user_id=2))).kind is FailureKind.QUEUE_FULL
    assert await acceptor.accept(tools.ask(user_id=2, guild_id=None))


async def test_a_checked_request_has_a_place_until_it_is_recorded(acceptor, clock, database, tools):
    with database.transaction() as session:
        GuildRepository(session).get_or_create(GUILD, now=clock())
        GuildRepository(session).update(GUILD, max_line=2)
    first, third = tools.ask(user_id=1), tools.ask(user_id=3)
    checked = await acceptor.check(first)
    await acceptor.check(tools.ask(user_id=2))
    for _ in range(2):
        assert (await refusal(acceptor, third)).kind is FailureKind.QUEUE_FULL
        await acceptor.check(first)
    await acceptor.check(tools.ask(user_id=3, guild_id=None))
    await acceptor.accept(first, checked)
    assert (await refusal(acceptor, third)).kind is FailureKind.QUEUE_FULL
    # The second is never recorded.
    clock.pass_(seconds=6)
    await acceptor.accept(third)


def test_ids_are_taken_as_people_type_them():
    assert normalise_id(" K7F3Q\n") == "k7f3q"
    assert normalise_id("`k7f3q`\x00'; --") == "k7f3q"
    assert normalise_id("") == ""


async def test_an_id_that_is_taken_is_drawn_anew(build, database, tools):
    first = await (await build(database, seed=5)).accept(tools.ask(user_id=1))
    second = await (await build(database, seed=5)).accept(tools.ask(user_id=2))
    assert first.id != second.id


async def test_a_workflow_that_no_backend_has_the_tags_for_is_refused(
    quick, catalog, tmp_path, tools
):
    toml = tmp_path / "workflows" / "txt2img-sd" / "workflow.toml"
    toml.write_text('tags = ["big"]\n' + toml.read_text())
    catalog.load()
    refused = await refusal(quick, tools.ask(workflow="txt2img-sd"))
    assert refused.kind is FailureKind.WORKFLOW_ERROR
    assert "needs: big" in refused.sentence


DRAWN = """
title = "Drawn"

[[input]]
name = "steps"
type = "integer"
targets = ["3.steps"]
hidden = true
draw = [5, 7, 9]

[[input]]
name = "seed"
type = "seed"
targets = ["3.seed"]
max = 3

[[input]]
name = "negative"
type = "text"
targets = ["2.text"]

[access]
roles = [70]
"""


@pytest.fixture
def drawing(catalog, tmp_path, build, sqlite_url):
    """An acceptor that has a workflow for people with a role, and with values to draw."""
    folder = tmp_path / "workflows" / "drawn"
    folder.mkdir(parents=True, exist_ok=True)
    graph = catalog.workflows["txt2img-sd"].graph
    (folder / "graph.json").write_text(json.dumps(graph))
    (folder / "workflow.toml").write_text(DRAWN)
    loaded = Catalog([folder.parent])
    loaded.load()
    assert "drawn" in loaded.workflows
    return loaded


async def test_values_are_drawn_and_recorded(quick, drawing, tools):
    quick._checker._catalog = drawing
    recorded, seeds = set(), set()
    for user in range(20):
        request = tools.ask(workflow="drawn", user_id=1000 + user, role_ids=frozenset({70}))
        accepted = await quick.accept(request)
        seeds.add(accepted.seed)
        recorded.add(accepted.values["steps"])
    assert (recorded, seeds) == ({5, 7, 9}, {0, 1, 2, 3})


@pytest.mark.parametrize(
    ("listed", "drawn"),
    [
        (["alpha.safetensors", "gone.safetensors", "beta.safetensors"], {"alpha", "beta"}),
        (["gone.safetensors"], {"gone"}),
    ],
)
async def test_a_model_is_drawn_of_those_that_are_installed(
    quick, drawing, tmp_path, tools, listed, drawn
):
    toml = tmp_path / "workflows" / "drawn" / "workflow.toml"
    facts = f'name = "model"\ntype = "checkpoint"\ntargets = ["1.ckpt_name"]\ndraw = {listed}\n'
    toml.write_text(DRAWN.replace("[access]", f"[[input]]\n{facts}\n[access]"))
    drawing.load()
    assert not drawing.problems
    quick._checker._catalog = drawing
    recorded = set()
    for user in range(12):
        request = tools.ask(workflow="drawn", user_id=1000 + user, role_ids=[70])
        recorded.add((await quick.accept(request)).values["model"].removesuffix(".safetensors"))
    assert recorded == drawn
    chosen = tools.ask(workflow="drawn", role_ids=[70], model="beta.safetensors")
    assert (await quick.accept(chosen)).values["model"] == "beta.safetensors"


async def test_what_is_to_be_avoided_is_drawn_by_the_seed(quick, drawing, tools):
    quick._checker._catalog = drawing
    kept = []
    for user in range(20):
        avoided = "{red|blue|green} and {plain}"
        asker = {"user_id": 1000 + user, "role_ids": frozenset({70})}
        request = tools.ask(workflow="drawn", seed=user % 4, negative=avoided, **asker)
        accepted = await quick.accept(request)
        kept.append((accepted.seed, accepted.values["negative"]))
    assert len(set(kept)) == 4
    drawn = {negative for _, negative in kept}
    assert 1 < len(drawn) <= len({f"{color} and {{plain}}" for color in ("red", "blue", "green")})
    refused = await refusal(quick, tools.ask(workflow="drawn", negative="__color__", **asker))
    assert refused.sentence.startswith("There is no list color")


async def test_a_workflow_for_others_is_refused_before_anything_is_recorded(quick, drawing, tools):
    quick._checker._catalog = drawing
    refused = await refusal(quick, tools.ask(workflow="drawn"))
    assert refused.kind is FailureKind.NOT_ALLOWED_HERE


async def test_a_model_is_found_whatever_case_it_is_written_in(quick, tools):
    accepted = await quick.accept(tools.ask(model="ALPHA.Safetensors"))
    assert accepted.values["model"] == "alpha.safetensors"


@pytest.mark.parametrize(
    ("access", "options", "option"),
    [
        ({"models": ["beta*"]}, {}, "alpha.safetensors"),
        ({"models": ["beta*"]}, {"model": "beta.safetensors"}, None),
        ({"options": ["count"]}, {"seed": 7}, "seed"),
        ({"options": ["count"]}, {"count": 2}, None),
    ],
)
async def test_what_no_role_may_use_is_refused(acceptor, database, tools, access, options, option):
    with database.transaction() as session:
        GuildRepository(session).get_or_create(GUILD, now=datetime.now(UTC))
        PolicyRepository(session).set_role(GUILD, 77, access=access)
    request = tools.ask(role_ids=[77], **options)
    if option is None:
        assert await acceptor.accept(request)
    else:
        refused = await refusal(acceptor, request)
        assert refused.kind is FailureKind.NOT_ALLOWED_HERE
        assert refused.facts["option"] == option


@pytest.mark.parametrize(
    ("mode", "word", "expected"),
    [
        (None, None, None),
        (None, WordAction.OBSERVE, None),
        (None, WordAction.HOLD, PENDING),
        (ReviewMode.LOG, None, SHOWN),
        (ReviewMode.LOG, WordAction.HOLD, PENDING),
        (ReviewMode.FLAGGED, None, None),
        (ReviewMode.FLAGGED, WordAction.OBSERVE, SHOWN),
        (ReviewMode.HOLD, None, PENDING),
    ],
)
async def test_what_moderators_are_shown(acceptor, database, clock, tools, mode, word, expected):
    moderator = Actor(1, GUILD)
    if mode is not None:
        await Reviews(database, clock).set_mode(moderator, None, mode)
    if word is not None:
        await Moderation(database, clock).watch(moderator, "fox", word, is_expression=False)
    accepted = await acceptor.accept(tools.ask())
    assert accepted.withheld is (expected == PENDING)
    with database.transaction(read_only=True) as session:
        review = ReviewRepository(session).find(accepted.id)
        assert (review.state if review else None) == expected
        flags = FlagRepository(session).of_generation(accepted.id)
        assert [one.note for one in flags] == (["fox"] if word else [])


async def test_what_was_typed_is_kept_where_the_prompt_differs(quick, tools):
    assert (await quick.accept(tools.ask("a fox", guild_id=None))).typed_prompt is None
    drawn = await quick.accept(tools.ask("a {red|blue} fox", user_id=2))
    assert drawn.typed_prompt == "a {red|blue} fox"
    assert drawn.prompt in ("a red fox", "a blue fox")


async def test_a_request_that_continues_or_edits_is_recorded_so(quick, tools):
    plain = await quick.accept(tools.ask())
    assert (plain.edited, plain.follow_up) == (False, None)
    request = replace(tools.ask(user_id=2), follow_up={"count": 2}, is_edit=True)
    accepted = await quick.accept(request)
    assert (accepted.edited, accepted.follow_up) == (True, {"count": 2})
    files = {"image": tools.build_picture()}
    attached = tools.ask(user_id=3, workflow="img2img-sd", files=files)
    assert (await quick.accept(attached)).edited
    own = tools.ask(user_id=4, workflow="img2img-sd", files=files)
    assert not (await quick.accept(replace(own, results=frozenset(files)))).edited
    masked = {**files, "mask": tools.build_picture(colour="white")}
    own = tools.ask(user_id=5, workflow="inpaint-sd", files=masked)
    assert not (await quick.accept(replace(own, results=frozenset(files)))).edited


async def test_without_measured_runs_thirty_seconds_a_picture_are_reserved(
    acceptor, database, tools
):
    accepted = await acceptor.accept(tools.ask(count=3))
    with database.transaction(read_only=True) as session:
        charge = session.get(ChargeRow, (accepted.id, "reserve"))
        assert (charge.amount, charge.gpu_ms) == (3, 90_000)


async def test_with_measured_runs_what_they_took_is_reserved(acceptor, database, clock, tools):
    checked = await acceptor.check(tools.ask())
    facts = {"state": "succeeded", "gpu_ms": 2500, "workload": checked.workload}
    with database.transaction() as session:
        past = generation_row("past", created_at=clock.now, finished_at=clock.now, **facts)
        GenerationRepository(session).add(past)
    accepted = await acceptor.accept(tools.ask(user_id=2))
    with database.transaction(read_only=True) as session:
        assert session.get(ChargeRow, (accepted.id, "reserve")).gpu_ms == 2500


async def test_words_of_other_texts_are_watched_too(quick, drawing, clock, tools):
    quick._checker._catalog = drawing
    moderation = Moderation(quick._database, clock)
    await moderation.watch(Actor(1, GUILD), "fox", WordAction.REFUSE, is_expression=False)
    asker = {"workflow": "drawn", "role_ids": [70]}
    refused = await refusal(quick, tools.ask("a wolf", negative="a fox", **asker))
    assert refused.kind is FailureKind.PROMPT_NOT_ALLOWED
    assert await quick.accept(tools.ask("a wolf", negative="a bear", **asker))


async def test_a_lora_is_named_in_the_prompt_where_there_is_a_place(quick, tools):
    accepted = await quick.accept(tools.ask("a fox <lora:shine:0.5>"))
    assert "<lora:shine" in accepted.prompt
    assert await quick.accept(tools.ask("a fox <3", user_id=2))


async def test_a_lora_may_be_chosen_with_its_weight(quick, tools):
    accepted = await quick.accept(tools.ask(lora="Shine:0.5"))
    assert accepted.values["lora"] == "<lora:shine.safetensors:0.5>"


async def test_a_spoiler_is_one_and_a_long_name_is_cut(quick, tools):
    request = replace(tools.ask(), spoiler=True)
    request = replace(request, requester=replace(request.requester, name="n" * 200))
    accepted = await quick.accept(request)
    assert accepted.spoiler
    assert not (await quick.accept(tools.ask(user_id=2))).spoiler
    with quick._database.transaction(read_only=True) as session:
        assert GenerationRepository(session).get(accepted.id).user_name == "n" * 100


async def test_ids_become_longer_where_those_of_a_length_are_taken(quick, tools, monkeypatch):
    lengths = []

    class Repeating(random.Random):
        def choices(self, population, *, k):
            lengths.append(k)
            return population[:1] * k

    monkeypatch.setattr("generation.requests.acceptance.MAX_ID_CHARACTERS", 6)
    quick._random = Repeating()
    ids = [(await quick.accept(tools.ask(user_id=user_id))).id for user_id in (1, 2)]
    assert ids == ["22222", "222222"]
    assert lengths == [5, 5, 5, 5, 5, 6]
    with pytest.raises(RuntimeError, match="No free generation id"):
        await quick.accept(tools.ask(user_id=3))


async def test_what_the_database_refuses_for_another_reason_is_not_tried_again(quick, tools):
    with pytest.raises(Conflict):
        await quick.accept(replace(tools.ask(), private=None))


@pytest.mark.parametrize(
    ("changes", "is_valid"),
    [
        ({}, True),
        ({"private": True, "spoiler": True, "keeps_metadata": True, "reply": "there"}, True),
        ({"values": {"steps": 9}}, False),
        ({"files": {"image": b""}}, False),
    ],
)
async def test_a_check_holds_for_an_equal_request(quick, clock, tools, changes, is_valid):
    checked = await quick.check(tools.ask())
    request = replace(tools.ask(), **changes)
    assert checked.is_valid_for(request, clock.now) is is_valid
    assert not replace(checked, checked_at=None).is_valid_for(request, clock.now)


async def test_whoever_chose_no_workflow_gets_one_that_their_roles_may_use(quick, tools):
    with quick._database.transaction() as session:
        GuildRepository(session).get_or_create(GUILD, now=datetime.now(UTC))
        PolicyRepository(session).set_role(GUILD, 77, access={"workflows": ["another-sd"]})
    accepted = await quick.accept(tools.ask(workflow=None, role_ids=[77]))
    assert (accepted.workflow, accepted.cost) == ("another-sd", 1)
    refused = await refusal(quick, tools.ask(user_id=2, role_ids=[77]))
    assert refused.facts["option"] == "txt2img-sd"


async def test_a_lora_without_a_place_is_refused(quick, drawing, tmp_path, tools):
    toml = tmp_path / "workflows" / "drawn" / "workflow.toml"
    prompt = 'name = "prompt"\ntype = "text"\ntargets = ["2.text"]\n'
    toml.write_text(
        DRAWN.replace('name = "negative"\ntype = "text"\ntargets = ["2.text"]\n', prompt)
    )
    drawing.load()
    quick._checker._catalog = drawing
    asker = {"workflow": "drawn", "role_ids": [70]}
    refused = await refusal(quick, tools.ask("a fox <lora:shine:0.5>", **asker))
    assert refused.sentence.startswith("The workflow drawn has no place for: lora. ")
    assert (await quick.accept(tools.ask("a fox", **asker))).prompt == "a fox"
