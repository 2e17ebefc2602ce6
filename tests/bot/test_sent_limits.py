"""Whatever people and operators type, what is sent keeps to Discord's limits, in every language."""

from dataclasses import replace
from datetime import UTC, datetime

import discord
import pytest
from discord import app_commands

from bot.client import LimnerClient
from bot.command_sync import describe_commands
from bot.commands.message_menu import READ_FILES, FileFacts, build_card
from bot.commands.my_settings import build_panel
from bot.commands.quota import quota_panel
from bot.commands.workflow_commands import build_command
from bot.i18n.language import languages, speaking
from bot.replies import request_messages
from bot.replies.moderation.review_messages import draft_case
from bot.replies.packing import Parcel
from bot.replies.result_buttons import build_button
from bot.ui.details import case_file_layout
from bot.ui.error_messages import explain
from bot.ui.layout import build_layout
from bot.ui.options import matching
from generation.errors import FailureKind, RequestRefused
from generation.library.summaries import InputKind, InputSummary, WorkflowSummary
from generation.marking.marker import Marker
from generation.marking.statements import Statement
from generation.media.metadata import Metadata, Program
from generation.moderation.case_file import CaseFile, Change, Flag
from generation.notifier import Case, CaseState
from generation.people.preferences import Defaults
from generation.quota.policy import EffectiveAllowance, Grant
from generation.quota.rules import Allowance
from generation.quota.usage import QuotaStatus
from generation.record import GenerationState
from generation.requests.available_actions import AvailableActions
from sandbox.discord_api import limits
from sandbox.discord_api.model.commands import check_command
from sandbox.discord_api.model.forms import Form
from sandbox.people import as_text
from tests.support.messages import check_layout, texts_of

LONGEST_TYPED = 4_000
"""What a modal's field takes, more than a prompt may have."""

LONG_NAME = "w" * 32
TYPED = {
    "markdown": "*" * LONGEST_TYPED,
    "mentions": "@everyone <@1> " * 200,
    "emoji": "🦊" * LONGEST_TYPED,
    "one line each": "a\n" * 2_000,
    "nothing to see": "\u200b" * LONGEST_TYPED,
    "block": "```" * 1_000,
    "addresses": "https://example.org/_a_ " * 150,
}


@pytest.fixture(params=["en-US", *sorted(languages())])
def language(request):
    with speaking(request.param):
        yield request.param


@pytest.fixture(params=TYPED.values(), ids=TYPED)
def typed(request):
    return request.param


@pytest.fixture
def result(tools, typed):
    """The largest that anybody could have asked for."""
    generation = tools.generation(
        prompt=typed,
        user_name=typed[:32],
        workflow=LONG_NAME,
        values={f"{typed[:40]}{number}": typed for number in range(25)},
        seed=2**64 - 1,
        backend=typed,
        message_url="https://discord.com/channels/" + "/".join(["9" * 20] * 3),
    )
    return tools.result(generation, *[tools.picture()] * 25, texts=[typed[:1_000]] * 10)


NOW = datetime(2026, 11, 22, 11, 59, tzinfo=UTC)

OFFER = AvailableActions(
    tuple(range(35)), tuple(range(35)), tuple(range(35)), again=True, remix=True
)


def test_the_states_of_a_reply(tools, result, typed, language):
    generation, _ = result
    running = tools.running(generation)
    running = replace(running, progress=replace(running.progress, activity=typed, step=None))
    parcel = Parcel(((),), (typed[:1_000],) * 10, (typed[:1_000],) * 2)
    for message in (
        request_messages.waiting_message(tools.waiting(generation), typed[:100], NOW),
        request_messages.running_message(running, typed[:100], NOW),
        *request_messages.done_messages(generation, typed[:100], parcel, OFFER, origin="x" * 200),
        request_messages.failed_message(tools.failure(generation, sentence=typed), typed[:100]),
        request_messages.held_message(generation, typed[:100]),
        request_messages.call_message(generation, generation.message_url),
        request_messages.refused_message(generation, typed[:100]),
    ):
        check_layout(message.view)


def test_refusals(typed, language):
    facts = {"option": typed, "retry_at": "2026-11-22T12:00:00+00:00"}
    for kind in FailureKind:
        check_layout(explain(RequestRefused(kind, "{option}: no.", facts)))


def test_the_record_for_moderators(result, typed, language):
    generation, contents = result
    changes = tuple(Change(state, generation.created_at, 2**63) for state in GenerationState) * 9
    case_file = CaseFile(
        generation=replace(generation, failure=None),
        changes=changes,
        flags=(Flag("word", typed, 2**63, generation.created_at),) * 60,
        hashes={one.output.position: "f" * 64 for one in contents},
        review="approved",
        reviewer_id=2**63,
    )
    check_layout(case_file_layout(case_file, "*" * 100, sheet=None))


async def test_what_moderators_decide_on(result, typed, language):
    generation, contents = result
    for pending in (True, False):
        draft = await draft_case(
            Case(
                generation,
                contents,
                CaseState.PENDING if pending else CaseState.OPEN,
                [("report", typed)] * 50,
            ),
            marker=Marker(),
            waiting=10**6,
        )
        check_layout(draft.view)
        assert len(draft.files) <= limits.FILES
        assert all(len(one.description) <= limits.FILE_DESCRIPTION for one in draft.files)


def test_what_pictures_say_of_themselves(typed, language):
    facts = {f"{typed[:60]}{number}": typed for number in range(50)}
    found = Metadata(Program.A1111, typed, typed, facts)
    stated = Statement(typed[:100], typed[:100], (typed[:100],) * 9, xmp_source_type=typed[:60])
    facts = FileFacts(found, stated)
    cards = [build_card(typed[:200], facts, share=1 / READ_FILES) for _ in range(READ_FILES)]
    check_layout(build_layout(*cards))


def test_panels(typed, language):
    everything = [
        WorkflowSummary(f"{number:032}", title, typed[:300], "other", frozenset())
        for number, title in enumerate([typed[:100], "	" * 100] * 50)
    ]
    defaults = Defaults(negative=typed, workflow=everything[50].name)
    check_layout(build_panel(defaults, everything))
    for choice in matching(((one.title, one.name) for one in everything), ""):
        assert 1 <= len(choice.name.strip()) <= limits.CHOICE_TEXT


def test_why_somebody_may_use_so_much(tools, language):
    roles = tuple(range(2**62, 2**62 + 250))
    effective = EffectiveAllowance(
        Allowance(None),
        is_default=True,
        amount_roles=roles,
        priority_roles=roles,
        grants=(Grant(1, 10**9),) * 250,
    )
    moment = tools.generation().created_at
    shown = quota_panel(
        QuotaStatus(10**9, 10**9, 0, moment, 99, 99, 99, 99, moment, effective=effective)
    )
    check_layout(shown)
    (text,) = texts_of(shown)
    assert text.count("<") == text.count(">")


def build_workflow(number, typed):
    """One with everything that a manifest may ask for."""
    asked = [InputSummary("prompt", InputKind.TEXT, typed[:100], required=True)]
    asked += [
        InputSummary(
            f"{'_' * 28}{position:04}",
            InputKind.CHOICE,
            typed[:100],
            choices=tuple(f"{typed[:90]}{choice:010}" for choice in range(25)),
        )
        for position in range(22)
    ]
    command = f"{'w' * 28}{number:04}"
    return WorkflowSummary(
        command, typed[:100], typed[:300], "other", frozenset(), command, tuple(asked)
    )


async def test_commands_of_as_many_workflows_as_there_may_be(services, service, typed):
    service.workflows = lambda: tuple(build_workflow(number, typed) for number in range(100))
    client = LimnerClient()
    client.serve(services)
    commands = describe_commands(client.tree)
    assert len([one for one in commands if one["name"].startswith("w")]) > 80
    form = Form()
    for command in commands:
        check_command(form, command["name"], command)
    form.refuse_if_wrong()


async def test_a_command_that_just_has_room_in_english_has_it_in_every_language():
    """Of what is translated, Discord counts the longest."""
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    known = [InputSummary(name, InputKind.INTEGER) for name in ("steps", "workflow", "cfg")]
    choices = tuple(f"{number:077}" for number in range(25))
    chosen = [InputSummary(name, InputKind.CHOICE, choices=choices) for name in ("one", "two")]
    has_fixed = set()
    for characters in range(1, 101):
        filler = InputSummary("filler", InputKind.INTEGER, "x" * characters)
        asked = (*known, *chosen, filler)
        summary = WorkflowSummary("w", "W", "W", "other", frozenset(), "w", asked)
        command = build_command(summary)
        tree.add_command(command, override=True)
        form = Form()
        check_command(form, "", *describe_commands(tree))
        form.refuse_if_wrong()
        has_fixed.add(any(option.choices for option in command.parameters))
    assert has_fixed == {True, False}


@pytest.mark.parametrize("action", ["remix", "input", "edit", "animate", "words", "delete"])
@pytest.mark.parametrize(
    ("typed", "language"),
    # What is typed is not translated.
    [
        *((words, "en-US") for words in TYPED.values()),
        *((TYPED["markdown"], language) for language in sorted(languages())),
    ],
    indirect=True,
)
@pytest.mark.asyncio(loop_scope="module")
async def test_forms(shared_bot, tools, result, language, action):
    bot = shared_bot
    generation, _ = result
    words = {**generation.values, "strength": 1 / 3, "negative": generation.prompt}
    generation = replace(
        generation,
        user_id=bot.ana.id,
        guild_id=bot.world.guild_id,
        workflow="img2img-sd",
        values=words,
    )
    bot.service.add(generation)
    bot.world.directory.member(bot.ana.id).locale = language
    channel = bot.client.get_channel(bot.world.channel("general").id)
    sent = await channel.send("here", view=tools.view(build_button(generation.id, action)))
    seen = next(one for one in bot.ana.messages() if one["id"] == str(sent.id))
    reply = await bot.ana.click(seen, f"g:{generation.id}:{action}:0")
    assert reply.modal is not None, bot.ana.messages()[-1]


async def test_a_workflow_that_asks_for_nothing_any_more_has_no_form(bot, tools, service):
    """A button may be older than what its workflow is now; Discord takes no empty form."""
    service.workflows = lambda: (
        WorkflowSummary("txt2img-sd", "From words", "", "txt2img", frozenset()),
    )
    facts = {"user_id": bot.ana.id, "guild_id": bot.world.guild_id}
    generation, _ = tools.result(tools.generation(**facts), tools.picture())
    service.add(generation)
    channel = bot.client.get_channel(bot.world.channel("general").id)
    sent = await channel.send("here", view=tools.view(build_button(generation.id, "remix")))
    seen = next(one for one in bot.ana.messages() if one["id"] == str(sent.id))
    await bot.ana.click(seen, f"g:{generation.id}:remix:0")
    told = await bot.ana.wait_for(lambda one: "nothing to change" in as_text(one))
    assert told["ephemeral"]
