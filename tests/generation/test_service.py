import asyncio
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from comfy.errors import (
    GraphRejected,
    NodeFailed,
    NodeProblem,
    OutcomeUnknown,
    OutOfMemory,
    RunInterrupted,
    RunStalled,
)
from db.repositories.audit import AuditRepository
from db.repositories.generations import GenerationRepository
from db.repositories.guilds import GuildRepository
from db.repositories.people import PersonRepository
from generation.errors import (
    FailureKind,
    GenerationFailed,
    NotYours,
    RequestRefused,
    ServiceUnavailable,
    UnknownGeneration,
)
from generation.events import Ended, Running, Waiting
from generation.history.queries import HistoryFilter
from generation.moderation.blocks import Moderation
from generation.moderation.transparency import Transparency
from generation.moderation.word_filter import WordAction
from generation.notifier import DeliveryImpossible, DeliveryPostponed
from generation.record import GenerationState
from generation.request import Actor, Requester
from generation.requests.available_actions import ActionFinder
from generation.requests.derivations import Derivations
from generation.service import utc_now
from workflows.errors import MissingInput

pytestmark = pytest.mark.asyncio(loop_scope="module")

GUILD = 5


async def used(app, user_id):
    return (await app.service.quota(Requester(user_id, "x", 9, GUILD))).used


@pytest.fixture
def submit(app, tools):
    """Submits as a person who last asked long ago."""

    async def submit_(**options):
        request = tools.ask(**options)
        requester = request.requester
        with app.database.transaction() as session:
            PersonRepository(session).upsert(
                user_id=requester.user_id,
                guild_id=requester.guild_id,
                name="x",
                now=utc_now(),
                last_request_at=utc_now().replace(year=2020),
            )
        return await app.service.submit(request)

    return submit_


async def test_a_check_refuses_what_a_submission_would_and_changes_nothing(app, tools, user_id):
    before = await used(app, user_id)
    await app.service.check(tools.ask(user_id=user_id))
    for wrong in (
        {"values": {"wings": 2}},
        {"prompt": "\u200b \u2060 \u3164"},
        {"workflow": "none"},
    ):
        with pytest.raises(RequestRefused):
            await app.service.check(tools.ask(user_id=user_id, **wrong))
    assert await used(app, user_id) == before
    assert await app.service.unfinished(user_id) == ()


async def test_a_prompt_becomes_a_picture(app, tools, user_id):
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    assert accepted.state is GenerationState.WAITING
    ended = await app.ended(accepted.id)
    assert ended.state is GenerationState.SUCCEEDED
    assert ended.message_url == f"https://example.invalid/{accepted.id}"
    assert len(app.notifier.told(accepted.id)) == 1
    (output,) = ended.outputs
    assert output.thumbnail
    assert (output.width, output.height, output.media_type) == (64, 64, "image/png")
    (content,) = app.notifier.contents[accepted.id]
    assert content.content == tools.PICTURE
    states = app.notifier.states(accepted.id)
    assert "Running" in states
    assert states[-1] == "Ended"
    assert await used(app, user_id) == 1


FAILURES = [
    (
        GraphRejected(
            "no",
            [
                NodeProblem(
                    "1",
                    "CheckpointLoaderSimple",
                    "value_not_in_list",
                    "Value not in list",
                    "ckpt_name",
                    "gone.safetensors",
                    ("alpha.safetensors",),
                )
            ],
        ),
        FailureKind.MISSING_MODEL,
        "The model gone.safetensors is not installed. Installed: alpha.safetensors.",
    ),
    (
        OutOfMemory(
            node_id="3", class_type="KSampler", exception_type="x", exception_message="CUDA"
        ),
        FailureKind.OUT_OF_MEMORY,
        "The GPU ran out of memory. A smaller size or fewer pictures may work.",
    ),
    (
        NodeFailed(
            node_id="3",
            class_type="KSampler",
            exception_type="ValueError",
            exception_message="bad latent\nsecond line",
        ),
        FailureKind.WORKFLOW_ERROR,
        "KSampler failed: bad latent.",
    ),
    (
        NodeFailed(
            node_id="3",
            class_type="KSam\x00pler",
            exception_type="ValueError",
            exception_message="bad\x00 latent\ud800",
        ),
        FailureKind.WORKFLOW_ERROR,
        "KSampler failed: bad latent.",
    ),
    (
        GenerationFailed(FailureKind.WORKFLOW_ERROR, "It made {count}.", {"count": 101}),
        FailureKind.WORKFLOW_ERROR,
        "It made 101.",
    ),
    (RunInterrupted("x"), FailureKind.CANCELLED, None),
    (RunStalled("x"), FailureKind.TIMED_OUT, None),
    (OutcomeUnknown("x"), FailureKind.BACKEND_OFFLINE, None),
]


@pytest.mark.parametrize(
    ("error", "kind", "sentence"), FAILURES, ids=[type(one[0]).__name__ for one in FAILURES]
)
async def test_a_failure_is_told_and_refunded(app, tools, user_id, error, kind, sentence):
    app.backends[0].script.append(tools.Run(error=error))
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    ended = await app.ended(accepted.id)
    assert ended.state is GenerationState.FAILED
    assert ended.failure.kind is kind
    assert sentence is None or ended.failure.sentence == sentence
    assert await used(app, user_id) == 0
    assert len(app.notifier.told(accepted.id)) == 1


async def test_the_unforeseen_has_a_reference_that_is_in_the_log(app, tools, user_id, caplog):
    app.backends[0].script.append(tools.Run(error=ZeroDivisionError("secret detail")))
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    failure = (await app.ended(accepted.id)).failure
    assert failure.kind is FailureKind.WORKFLOW_ERROR
    assert failure.facts["reference"] in failure.sentence
    assert failure.facts["reference"] in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in failure.sentence


async def test_a_value_that_no_longer_fits_is_told_by_its_template(app, tools, user_id):
    app.backends[0].script.append(tools.Run(error=MissingInput("image")))
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    failure = (await app.ended(accepted.id)).failure
    assert failure.template == "This workflow needs the option {name}. Fill it in."
    assert failure.sentence == "This workflow needs the option image. Fill it in."


async def test_a_run_without_results_fails(app, tools, user_id):
    app.backends[0].script.append(tools.Run(pictures=()))
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    assert (await app.ended(accepted.id)).failure.kind is FailureKind.WORKFLOW_ERROR


async def test_several_pictures_cost_several(app, tools, user_id):
    app.backends[0].script.append(tools.Run(pictures=(tools.PICTURE,) * 3))
    accepted = await app.service.submit(tools.ask(user_id=user_id, count=3))
    ended = await app.ended(accepted.id)
    assert [output.position for output in ended.outputs] == [0, 1, 2]
    assert ended.cost == 3
    assert await used(app, user_id) == 3


async def test_events_tell_the_states_in_order_and_end(app, tools, user_id):
    hold = asyncio.Event()
    app.backends[0].script.append(tools.Run(hold=hold))
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    seen = []
    async with aclosing(app.service.events(accepted.id)) as events:
        async for event in events:
            seen.append(event)
            if isinstance(event, Running) and event.progress.step == 2:
                hold.set()
    kinds = [type(event) for event in seen]
    assert kinds[-1] is Ended
    assert kinds == sorted(kinds, key=[Waiting, Running, Ended].index)
    assert any(isinstance(event, Running) and event.preview for event in seen)
    fractions = [event.progress.fraction for event in seen if isinstance(event, Running)]
    assert fractions == sorted(fractions)
    async with aclosing(app.service.events(accepted.id)) as events:
        assert [type(event) async for event in events] == [Ended]


async def test_events_of_nothing_are_refused(app):
    with pytest.raises(UnknownGeneration):
        await anext(app.service.events("zzzzz"))


async def test_a_running_generation_is_cancelled(app, tools, user_id):
    backend = app.backends[0]
    backend.script.append(tools.Run(hold=asyncio.Event()))
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    await app.until(accepted.id, GenerationState.RUNNING)
    await app.until_sampled(accepted.id)
    await app.service.cancel(accepted.id, user_id=user_id)
    ended = await app.ended(accepted.id)
    assert ended.state is GenerationState.CANCELLED
    assert ended.failure.kind is FailureKind.CANCELLED
    assert ended.is_charged
    await tools.eventually(lambda: backend.cancelled == backend.submissions)
    await tools.eventually(lambda: backend.running == 0)
    assert await used(app, user_id) == 1
    assert len(app.notifier.told(accepted.id)) == 1
    again = await app.service.cancel(accepted.id, user_id=user_id)
    assert again.state is GenerationState.CANCELLED


async def test_a_cancellation_before_the_sampler_costs_nothing(app, tools, user_id):
    backend = app.backends[0]
    backend.script.append(tools.Run(hold=asyncio.Event(), hold_at=0))
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    await app.until(accepted.id, GenerationState.RUNNING)
    await app.service.cancel(accepted.id, user_id=user_id)
    ended = await app.ended(accepted.id)
    assert ended.state is GenerationState.CANCELLED
    assert not ended.is_charged
    assert await used(app, user_id) == 0


async def test_a_waiting_generation_is_cancelled_and_never_sent(app, tools, user_id, submit):
    backend = app.backends[0]
    hold = asyncio.Event()
    backend.script.append(tools.Run(hold=hold))
    first = await submit(user_id=user_id)
    await app.until(first.id, GenerationState.RUNNING)
    second = await submit(user_id=user_id)
    await app.service.cancel(second.id, user_id=user_id)
    assert (await app.ended(second.id)).state is GenerationState.CANCELLED
    hold.set()
    assert (await app.ended(first.id)).state is GenerationState.SUCCEEDED
    assert len(backend.submissions) == 1
    assert await used(app, user_id) == 1


async def test_others_may_not_cancel_but_moderators_may_and_it_is_audited(app, tools, user_id):
    app.backends[0].script.append(tools.Run(hold=asyncio.Event()))
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    with pytest.raises(NotYours):
        await app.service.cancel(accepted.id, user_id=2)
    for elsewhere in (GUILD + 1, None):
        with pytest.raises(NotYours):
            await app.service.cancel(accepted.id, user_id=2, is_moderator=True, guild_id=elsewhere)
    with pytest.raises(UnknownGeneration):
        await app.service.cancel("zzzzz", user_id=2, is_moderator=True)
    await app.service.cancel(accepted.id, user_id=2, is_moderator=True, guild_id=GUILD)
    ended = await app.ended(accepted.id)
    assert ended.state is GenerationState.CANCELLED
    assert ended.failure.sentence == "Cancelled by a moderator."
    with app.database.transaction() as session:
        (row,) = AuditRepository(session).page(GUILD, limit=1)
    assert (row.actor_id, row.action, row.subject) == (2, "cancel", accepted.id)


async def test_one_person_runs_one_at_a_time_and_a_priority_role_three(app, tools, user_id, submit):
    backend = app.backends[0]
    backend.default = tools.Run(hold=(hold := asyncio.Event()))
    ids = [(await submit(user_id=user_id)).id]
    await app.until(ids[0], GenerationState.RUNNING)
    ids += [(await submit(user_id=user_id)).id for _ in range(2)]
    line = await app.service.line(GUILD, user_id)
    assert [entry.position for entry in line.entries] == [0, 1, 2]
    assert [one.id for one in await app.service.unfinished(user_id)] == ids
    other = user_id + 500_000
    await submit(user_id=other, role_ids=[77])
    await tools.eventually(lambda: backend.running == 2)
    assert backend.most_running == 2
    hold.set()
    for generation_id in ids:
        assert (await app.ended(generation_id)).state is GenerationState.SUCCEEDED
    assert (await app.service.line(GUILD, user_id)).entries == ()


async def test_a_backend_is_handed_no_more_than_it_takes(app, tools, user_id, submit):
    backend = app.backends[0]
    backend.default = tools.Run(hold=(hold := asyncio.Event()))
    ids = [(await submit(user_id=user_id + 100_000 * n)).id for n in range(1, 5)]
    await tools.eventually(lambda: backend.running == 2)
    hold.set()
    for generation_id in ids:
        await app.ended(generation_id)
    assert backend.most_running == 2


async def test_the_daily_limit_and_the_cooldown_refuse_with_facts(app, tools, user_id, submit):
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    with pytest.raises(RequestRefused) as refused:
        await app.service.submit(tools.ask(user_id=user_id))
    assert refused.value.kind is FailureKind.SLOW_DOWN
    assert "retry_at" in refused.value.facts
    status = await app.service.quota(Requester(user_id, "x", 9, GUILD))
    assert status.next_request_at is not None
    assert (status.limit, status.used, status.left) == (50, 1, 49)
    await app.ended(accepted.id)


async def test_what_moderation_refuses_is_counted_without_names(app, tools, user_id):
    guild_id, mo = user_id, Actor(2, user_id)
    moderation = Moderation(app.database, utc_now)
    await moderation.watch(mo, "fox", WordAction.REFUSE, is_expression=False)
    await moderation.block(mo, user_id + 1, reason="", until=None)
    for asked in (
        {"user_id": user_id},
        {"user_id": user_id},
        {"user_id": user_id + 1, "prompt": "a cat"},
        {"user_id": user_id, "workflow": "none"},
    ):
        for refuse in (app.service.check, app.service.submit):
            with pytest.raises(RequestRefused):
                await refuse(tools.ask(guild_id=guild_id, **asked))
    transparency = Transparency(app.database, utc_now)

    async def count():
        since = utc_now() - timedelta(days=1)
        report = await transparency.report(mo, since, utc_now())
        return report if report.counts["asked"] == 6 else None

    report = await tools.eventually(count)
    counted = {name: number for name, number in report.counts.items() if number}
    refused = {"refused for words": 4, "refused to blocked people": 2}
    assert counted == {"asked": 6, "people blocked": 1} | refused
    assert sum(bar.refused for bar in report.bars) == 6


async def test_a_full_place_says_when_it_is_likely_to_be_free(app, tools, user_id, submit):
    measured = await submit(user_id=user_id, workflow="another-sd")
    await app.ended(measured.id)
    with app.database.transaction() as session:
        GenerationRepository(session).update(measured.id, gpu_ms=60_000)
    hold = asyncio.Event()
    app.backends[0].default = tools.Run(hold=hold)
    ids = [(await submit(user_id=user_id, workflow="another-sd")).id for _ in range(4)]
    await tools.eventually(lambda: app.backends[0].running == 1)
    with pytest.raises(RequestRefused) as refused:
        await submit(user_id=user_id)
    assert refused.value.kind is FailureKind.QUEUE_FULL
    found = [await app.service.find(generation_id) for generation_id in ids]
    (running,) = [one for one in found if one.state is GenerationState.RUNNING]
    expected = running.started_at + timedelta(seconds=60)
    assert datetime.fromisoformat(refused.value.facts["retry_at"]) == expected
    hold.set()
    for generation_id in ids:
        await app.ended(generation_id)


async def retry(app, generation, presser, reply=""):
    derivations = Derivations(app.service, ActionFinder(app.catalog, app.pool), app.catalog)
    request = await derivations.retry(generation.id, presser)
    return await app.service.submit(replace(request, reply=reply))


async def test_retry_asks_for_the_same_and_charges_the_presser(app, tools, user_id):
    app.backends[0].script.append(tools.Run(error=RunStalled("x")))
    first = await app.service.submit(tools.ask(user_id=user_id, steps=7, aspect="3:2"))
    await app.ended(first.id)
    presser = Requester(user_id + 100_000, "else", 9, GUILD)
    again = await retry(app, first, presser, "there")
    assert (again.prompt, again.values, again.seed) == (first.prompt, first.values, first.seed)
    assert (again.user_id, again.parent_id, again.reply) == (presser.user_id, first.id, "there")
    assert (await app.ended(again.id)).state is GenerationState.SUCCEEDED
    assert await used(app, presser.user_id) == 1
    assert await used(app, user_id) == 0


async def test_pictures_are_uploaded_and_kept_for_a_retry(app, tools, user_id):
    backend = app.backends[0]
    files = {
        "image": tools.build_picture(colour="blue"),
        "mask": tools.build_picture(colour="white"),
    }
    guild_id = user_id
    with app.database.transaction() as session:
        GuildRepository(session).get_or_create(guild_id, now=datetime.now(UTC))
        GuildRepository(session).update(guild_id, cooldown_s=0)
    first = await app.service.submit(
        tools.ask(user_id=user_id, guild_id=guild_id, workflow=None, files=files)
    )
    assert first.workflow == "inpaint-sd"
    assert (await app.ended(first.id)).state is GenerationState.SUCCEEDED
    (graph,) = backend.submitted.values()
    assert graph["7"]["inputs"]["image"] == "uploaded-1.png"
    assert graph["8"]["inputs"]["image"] == "uploaded-2.png"
    with pytest.raises(RequestRefused, match="Attach your own"):
        await retry(app, first, Requester(user_id + 100_000, "else", 9, guild_id))
    again = await retry(app, first, Requester(user_id, "same", 9, guild_id))
    assert (await app.ended(again.id)).state is GenerationState.SUCCEEDED
    assert len(backend.uploads) == 4


async def test_history_pages_and_its_contact_sheet(app, tools, user_id, submit):
    for prompt in ("one cat", "two cats", "three dogs"):
        await app.ended((await submit(prompt=prompt, user_id=user_id)).id)
    page = await app.service.history(HistoryFilter(user_id=user_id), limit=2)
    assert [one.prompt for one in page.generations] == ["three dogs", "two cats"]
    assert page.total == 3
    rest = await app.service.history(
        HistoryFilter(user_id=user_id), before=page.next_cursor, limit=2
    )
    assert [one.prompt for one in rest.generations] == ["one cat"]
    assert rest.next_cursor is None
    found = await app.service.history(HistoryFilter(user_id=user_id, search="CAT\0\ud800"))
    assert found.total == 2
    sheet = await app.service.contact_sheet(page.generations)
    assert sheet.startswith(b"\x89PNG")


async def test_choices_come_from_memory(app):
    assert app.service.files("checkpoint", "txt2img-sd") == (
        "alpha.safetensors",
        "beta.safetensors",
    )
    assert app.service.files("lora") == ("shine.safetensors",)
    assert app.service.files("checkpoint", "no-such") == ()
    summaries = {one.name: one for one in app.service.workflows()}
    assert summaries["txt2img-sd"].kind == "txt2img"
    assert "prompt" in summaries["txt2img-sd"].options


async def test_a_waiting_person_hears_of_a_new_position(app, tools, user_id, submit):
    backend = app.backends[0]
    backend.default = tools.Run(hold=(hold := asyncio.Event()))
    ids = [(await submit(user_id=user_id)).id]
    await app.until(ids[0], GenerationState.RUNNING)
    ids += [(await submit(user_id=user_id)).id for _ in range(2)]
    last = ids[-1]

    def positions():
        return [
            event.position
            for event in app.notifier.events
            if isinstance(event, Waiting) and event.generation.id == last
        ]

    await tools.eventually(lambda: 2 in positions())
    await app.service.cancel(ids[1], user_id=user_id)
    await tools.eventually(lambda: positions()[-1:] == [1])
    hold.set()
    await app.ended(last)


async def test_an_end_that_cannot_be_told_now_is_told_later(app, tools, user_id):
    app.notifier.script = [DeliveryPostponed("away"), RuntimeError("a bug")]
    accepted = await app.service.submit(tools.ask(user_id=user_id))
    assert (await app.ended(accepted.id)).state is GenerationState.SUCCEEDED
    assert len(app.notifier.told(accepted.id)) == 1


async def test_an_end_that_nobody_can_be_told_is_given_up(app, tools, user_id):
    app.notifier.script = [DeliveryImpossible("gone")]
    accepted = await app.service.submit(tools.ask(user_id=user_id))

    async def given_up():
        with app.database.transaction(read_only=True) as session:
            row = GenerationRepository(session).get(accepted.id)
            return row.given_up_at

    assert await tools.eventually(given_up)
    assert (await app.service.find(accepted.id)).state is GenerationState.SUCCEEDED


@pytest.mark.parametrize(
    ("error", "is_unforeseen"),
    [(RuntimeError("unforeseen"), True), (ServiceUnavailable("away"), False)],
)
async def test_one_thing_that_cannot_be_cleared_away_keeps_no_other_from_it(
    app, monkeypatch, caplog, error, is_unforeseen
):
    done = []

    async def clear_old():
        done.append("ended workflows")
        return 0

    async def apply():
        raise error

    monkeypatch.setattr(app.service._line, "clear_old", clear_old)
    monkeypatch.setattr(app.service._retention, "apply", apply)
    await app.service._clear_away()
    assert done == ["ended workflows"]
    assert "Clearing away what servers keep no longer failed" in caplog.text
    assert ("Traceback" in caplog.text) is is_unforeseen
