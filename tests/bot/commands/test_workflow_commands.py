"""Workflows that have a command of their own: what Discord is told, and what comes of it."""

import asyncio
from contextlib import asynccontextmanager

import discord
import pytest
from discord import app_commands

from bot.client import LimnerClient
from bot.commands.command_plan import COMMAND_NAMES, plan_commands
from bot.commands.workflow_commands import build_command
from bot.ui.options import DESCRIPTIONS
from generation.library.summaries import InputKind, InputSummary, WorkflowSummary
from sandbox.discord_api.errors import NotPossible
from sandbox.people import as_text

STRING, INTEGER, BOOLEAN, NUMBER, ATTACHMENT = 3, 4, 5, 10, 11
ASPECTS = ["1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16", "21:9"]

PROMPT = InputSummary("prompt", InputKind.TEXT, required=True, maximum=2000)
SHOWN = ["private", "spoiler"]


def summary(*inputs, name="portrait", command="portrait", title="Portrait", description="A face"):
    options = frozenset(one.name for one in inputs)
    return WorkflowSummary(name, title, description, "other", options, command, inputs)


def many_choices(name, count, length=20):
    choices = tuple(f"{name}-{number:03}".ljust(length, "x") for number in range(count))
    return InputSummary(name, InputKind.CHOICE, choices=choices)


@pytest.fixture
def payload():
    """What is sent to Discord for a workflow's command."""
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))

    def build(*inputs, **facts):
        return build_command(summary(*inputs, **facts)).to_dict(tree)

    return build


@pytest.fixture
def option(payload):
    """What is sent to Discord for one input."""

    def build(*facts, **more):
        return payload(InputSummary(*facts, **more))["options"][0]

    return build


def test_a_command_says_what_its_workflow_says(payload):
    sent = payload(PROMPT)
    assert sent["name"] == "portrait"
    assert sent["description"] == "A face"
    assert sent["contexts"] == [0, 1, 2]
    assert sent["integration_types"] == [0, 1]


@pytest.mark.parametrize(
    ("description", "shown"),
    [("", "Portrait"), (" \n ", "Portrait"), ("a\nb", "a b"), ("x" * 300, f"{'x' * 99}…")],
)
def test_every_description_is_one_that_discord_takes(payload, description, shown):
    assert payload(PROMPT, description=description)["description"] == shown


def test_what_is_required_comes_first_then_the_prompt_pictures_and_the_rest(payload):
    steps = InputSummary("steps", InputKind.INTEGER)
    image = InputSummary("image", InputKind.PICTURE)
    style = InputSummary("style", InputKind.TEXT)
    sent = payload(steps, style, image, PROMPT)["options"]
    assert [one["name"] for one in sent] == ["prompt", "image", "steps", "style", *SHOWN]
    assert [one["required"] for one in sent] == [True, *[False] * 5]
    needed = InputSummary("face", InputKind.PICTURE, required=True)
    optional = InputSummary("prompt", InputKind.TEXT)
    sent = payload(steps, optional, needed)["options"]
    assert [one["name"] for one in sent] == ["face", "prompt", "steps", *SHOWN]


@pytest.mark.parametrize(
    ("facts", "sent"),
    [
        (
            {"kind": InputKind.TEXT, "maximum": 300},
            {"type": STRING, "max_length": 300},
        ),
        (
            {"kind": InputKind.TEXT, "required": True},
            {"type": STRING, "min_length": 1, "max_length": 6000},
        ),
        (
            {"kind": InputKind.TEXT, "minimum": 3, "maximum": 90_000},
            {"type": STRING, "min_length": 3, "max_length": 6000},
        ),
        (
            {"kind": InputKind.INTEGER, "minimum": 1, "maximum": 150},
            {"type": INTEGER, "min_value": 1, "max_value": 150},
        ),
        (
            {"kind": InputKind.INTEGER, "minimum": 0, "maximum": 2**64 - 1},
            {"type": INTEGER, "min_value": 0, "max_value": 2**53 - 1},
        ),
        (
            {"kind": InputKind.INTEGER, "minimum": 0.5, "maximum": 4.5},
            {"type": INTEGER, "min_value": 1, "max_value": 4},
        ),
        (
            {"kind": InputKind.NUMBER, "minimum": 0, "maximum": 1},
            {"type": NUMBER, "min_value": 0.0, "max_value": 1.0},
        ),
        (
            {"kind": InputKind.NUMBER, "minimum": -1e300},
            {"type": NUMBER, "min_value": float(1 - 2**53)},
        ),
        ({"kind": InputKind.BOOLEAN}, {"type": BOOLEAN}),
        ({"kind": InputKind.PICTURE, "required": True}, {"type": ATTACHMENT}),
        ({"kind": InputKind.MODEL}, {"type": STRING, "autocomplete": True}),
        (
            {"kind": InputKind.CHOICE, "choices": ("euler", "heun", "euler")},
            {
                "type": STRING,
                "choices": [
                    {"name": "euler", "value": "euler"},
                    {"name": "heun", "value": "heun"},
                ],
            },
        ),
        (
            {"kind": InputKind.CHOICE, "choices": tuple(f"{n}" for n in range(26))},
            {"type": STRING, "autocomplete": True},
        ),
        (
            {"kind": InputKind.CHOICE, "choices": ("short", "x" * 101)},
            {"type": STRING, "autocomplete": True},
        ),
    ],
)
def test_every_kind_of_input_is_typed_and_bounded(option, facts, sent):
    got = option("style", description="How it looks", **facts)
    required = facts.get("required", False)
    assert got == {"name": "style", "description": "How it looks", "required": required, **sent}
    assert all(type(got[key]) is type(value) for key, value in sent.items())


def test_people_give_a_ratio_for_a_size(option):
    sent = option("size", InputKind.ASPECT)
    assert sent["name"] == "aspect"
    assert [one["value"] for one in sent["choices"]] == ASPECTS
    assert option("canvas", InputKind.ASPECT)["name"] == "canvas"


def test_a_well_known_input_needs_no_description_and_another_has_its_name(option):
    assert option("steps", InputKind.INTEGER)["description"] == DESCRIPTIONS["steps"]
    assert option("size", InputKind.ASPECT)["description"] == DESCRIPTIONS["aspect"]
    assert option("glow", InputKind.NUMBER)["description"] == "glow"


@pytest.mark.parametrize("name", ["class", "3d-look", "self", "interaction", "_", "-", "option_0"])
def test_an_input_may_have_any_name_that_discord_takes(option, name):
    assert option(name, InputKind.TEXT)["name"] == name


def test_a_command_that_is_too_long_looks_its_choices_up(payload):
    sent = payload(*(many_choices(name, 25, 100) for name in ("one", "two")))["options"]
    assert [one.get("autocomplete") for one in sent] == [True, True, None, None]


@pytest.mark.parametrize(
    ("workflow", "why"),
    [
        (summary(PROMPT, command="imagine"), "Limner has a command of that name itself"),
        (
            summary(*(InputSummary(f"i{n}", InputKind.TEXT) for n in range(24))),
            "it has 24 inputs, and a command has room for 23",
        ),
        (
            summary(InputSummary("odd", InputKind.INTEGER, minimum=0.2, maximum=0.8)),
            "no value within the bounds of odd",
        ),
        (
            summary(InputSummary("odd", InputKind.TEXT, maximum=0)),
            "no value within the bounds of odd",
        ),
    ],
)
def test_a_command_that_cannot_be_is_refused_with_the_reason(workflow, why):
    other = summary(PROMPT, name="other", command="other")
    plan = plan_commands([workflow, other], {"imagine"})
    assert plan.accepted == (other,)
    (refusal,) = plan.refusals
    assert why in refusal
    assert f"The workflow portrait does not get the command /{workflow.command}" in refusal


def test_of_two_workflows_the_first_gets_the_command():
    first, second = summary(PROMPT), summary(PROMPT, name="second")
    plan = plan_commands([first, second, summary(PROMPT, name="third", command=None)], ())
    assert plan.accepted == (first,)
    assert "the workflow portrait has it already" in plan.refusals[0]


def test_discord_takes_a_hundred_commands():
    workflows = [summary(PROMPT, name=f"w{n}", command=f"w{n}") for n in range(100)]
    plan = plan_commands(workflows, {"imagine", "help"})
    assert len(plan.accepted) == 92  # six places are for the commands by kind
    assert "no more than 100" in plan.refusals[0]


@pytest.mark.usefixtures("_address_restored")
def test_the_names_of_the_built_in_commands_are_all_known(service, services):
    service.workflows = tuple
    client = LimnerClient()
    client.serve(services)
    slash = discord.AppCommandType.chat_input
    assert {one.name for one in client.tree.get_commands(type=slash)} == COMMAND_NAMES


# As people use them, with the real client.

LOOK = InputSummary("look", InputKind.CHOICE, choices=("oil", "ink"))
EVERYTHING = summary(
    InputSummary("size", InputKind.ASPECT),
    InputSummary("canvas", InputKind.ASPECT),
    InputSummary("seed", InputKind.INTEGER, minimum=0, maximum=2**64 - 1),
    InputSummary("glow", InputKind.NUMBER, minimum=0, maximum=1),
    InputSummary("class", InputKind.BOOLEAN),
    LOOK,
    InputSummary("model", InputKind.MODEL),
    InputSummary("face", InputKind.PICTURE),
    InputSummary("title", InputKind.TEXT),
    PROMPT,
)


def offer(service, *workflows):
    service.workflows = lambda: workflows
    service.choices = lambda workflow, option, _access: (
        f"{workflow} {option} 1",
        f"{workflow} {option} 2",
    )


@asynccontextmanager
async def kept_synced(bot):
    task = asyncio.create_task(bot.client.keep_synced(again_s=0.01))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def offered(world):
    return {one["name"]: one for one in world.commands.everything()}


async def test_what_is_filled_in_reaches_the_workflow(world, service, start_bot, tools):
    offer(service, EVERYTHING)
    async with start_bot(world, service) as bot:
        await bot.ana.slash(
            "general",
            "portrait",
            **{"prompt": "ana", "class": True, "look": "ink", "seed": 2**53 - 1, "glow": 0.0},
            aspect="3:2",
            canvas="1:1",
            model="any.safetensors",
            title="x",
            face=tools.picture(),
            spoiler=True,
        )
        await tools.eventually(lambda: service.requests)
    (request,) = service.requests
    assert request.workflow == "portrait"
    assert request.prompt == "ana"
    assert request.aspect == "3:2"
    assert request.values == {
        "canvas": "1:1",
        "seed": 2**53 - 1,
        "glow": 0.0,
        "class": True,
        "look": "ink",
        "model": "any.safetensors",
        "title": "x",
    }
    assert service.fetched[-1]["face"] == tools.picture()
    assert request.spoiler
    assert not request.private
    assert request.requester.name
    assert request.reply


async def test_what_is_left_out_is_not_sent(world, service, start_bot, tools):
    offer(service, EVERYTHING)
    async with start_bot(world, service) as bot:
        reply = await bot.ana.slash("general", "portrait", prompt="ana", private=True)
        await tools.eventually(lambda: service.requests)
        assert reply.message["ephemeral"]
    (request,) = service.requests
    assert (request.values, request.files, request.aspect) == ({}, {}, None)
    assert request.private


async def test_models_are_looked_up_for_this_workflow_and_input(world, service, start_bot):
    offer(service, EVERYTHING)
    async with start_bot(world, service) as bot:
        choices = await bot.ana.autocomplete("general", "portrait", "model", "2")
    assert [one["value"] for one in choices] == ["portrait model 2"]


async def test_commands_follow_the_workflows(world, service, start_bot):
    offer(service, summary(PROMPT))
    async with start_bot(world, service) as bot, kept_synced(bot):
        assert "portrait" in offered(world)
        offer(service, summary(PROMPT, LOOK), summary(PROMPT, name="b", command="landscape"))
        bot.client.refresh_commands()
        await world.wait_for(lambda: "landscape" in offered(world))
        names = [one["name"] for one in offered(world)["portrait"]["options"]]
        assert names == ["prompt", "look", *SHOWN]
        await bot.ana.slash("general", "landscape", prompt="a hill")
        offer(service)
        bot.client.refresh_commands()
        await world.wait_for(lambda: "portrait" not in offered(world))
        assert "imagine" in offered(world)
    assert service.requests[0].workflow == "b"


@pytest.mark.parametrize("bound", ["minimum", "maximum"])
async def test_a_bound_of_zero_is_a_difference(world, service, start_bot, bound):
    offer(service, summary(InputSummary("tilt", InputKind.INTEGER, **{bound: 0})))
    key = {"minimum": "min_value", "maximum": "max_value"}[bound]
    async with start_bot(world, service) as bot, kept_synced(bot):
        assert offered(world)["portrait"]["options"][0][key] == 0
        offer(service, summary(InputSummary("tilt", InputKind.INTEGER)))
        bot.client.refresh_commands()
        await world.wait_for(lambda: key not in offered(world)["portrait"]["options"][0])


async def test_in_guilds_they_follow_as_well(world, service, start_bot):
    offer(service)
    guild = world.guild_id
    async with start_bot(world, service, guild_ids=[guild]) as bot, kept_synced(bot):
        offer(service, summary(PROMPT))
        bot.client.refresh_commands()
        await world.wait_for(lambda: "portrait" in offered(world))
        assert world.commands.listed(None) == []
        assert len(offered(world)) == len(world.commands.listed(guild))


async def test_discord_hears_nothing_when_people_would_see_no_difference(world, service, start_bot):
    offer(service, summary(PROMPT))
    async with start_bot(world, service) as bot:
        offer(service, summary(PROMPT, title="Another title"))
        bot.client.refresh_commands()
        assert not bot.client._is_out_of_date.is_set()
        await bot.ana.slash("general", "portrait", prompt="still here")
        offer(service, summary(PROMPT, description="Another description"))
        bot.client.refresh_commands()
        assert bot.client._is_out_of_date.is_set()


async def test_a_sync_that_fails_is_tried_again(world, service, start_bot, caplog):
    offer(service)
    async with start_bot(world, service) as bot, kept_synced(bot):
        world.fail_next("PUT", r"/commands", 400, 0)
        offer(service, summary(PROMPT))
        bot.client.refresh_commands()
        await world.wait_for(lambda: "portrait" in offered(world))
    assert "did not take the changed commands yet" in caplog.text


async def test_a_client_with_an_older_form_is_told(world, service, start_bot, tools):
    offer(service, summary(PROMPT, LOOK))
    async with start_bot(world, service) as bot:
        offer(service, summary(PROMPT))
        bot.client.refresh_commands()  # Discord has not heard of it yet
        await bot.ana.slash("general", "portrait", prompt="ana", look="ink")
        message = await bot.ana.wait_for(lambda one: "This command changed" in as_text(one))
    assert message["ephemeral"]
    assert service.requests == []


async def test_clients_keep_to_the_bounds(world, service, start_bot):
    offer(service, EVERYTHING)
    async with start_bot(world, service) as bot:
        for wrong in ({"glow": 1.5}, {"look": "crayon"}, {"aspect": "5:1"}, {"prompt": ""}):
            with pytest.raises(NotPossible):
                await bot.ana.slash("general", "portrait", **{"prompt": "x", **wrong})


@pytest.mark.usefixtures("_address_restored")
async def test_the_operator_is_told_once_of_a_command_that_cannot_be(service, services, caplog):
    offer(service, summary(PROMPT, command="help"))
    client = LimnerClient()
    client.serve(services)
    client.refresh_commands()
    client.refresh_commands()
    assert caplog.text.count("does not get the command /help") == 1
    assert "Limner has a command of that name itself" in caplog.text
