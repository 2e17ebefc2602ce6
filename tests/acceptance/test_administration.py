"""An administrator sets up a server, as they and its people see it."""

import asyncio

import pytest

from generation.history.retention import DEFAULT_RETENTION, RetentionSettings
from generation.request import Actor
from sandbox.discord_api.errors import NotPossible
from sandbox.discord_api.model.components import interactive
from sandbox.people import Person, as_text, files_of
from tests.support.messages import is_answered

PATIENCE_S = 60
MODERATORS = "1183921002349711360"


@pytest.fixture
def ada(environment):
    return Person(environment.world, "ada")


async def told(who, command, /, **options):
    reply = await who.slash("general", command, **options)
    return as_text(await reply.until(is_answered, PATIENCE_S))


async def asked(who, channel="general", **options):
    """The generation's message once its pictures are there."""
    reply = await who.slash(channel, "imagine", prompt="a fox", steps=2, **options)
    await reply.until(files_of, PATIENCE_S)


async def refused(who, title, channel="general"):
    """What somebody is told in private, under this title, instead of pictures."""
    await who.slash(channel, "imagine", prompt="a fox", steps=2)
    message = await who.wait_for(lambda message: title in as_text(message), PATIENCE_S)
    assert "only you can see this" in as_text(message)
    return as_text(message)


async def test_a_server_gets_its_limits_roles_grants_and_channels(environment, ada):
    async with environment.bot():
        text = await told(ada, "limner limits")
        assert "**Allowance** 50 pictures a day per member" in text
        text = await told(
            ada, "limner limits", allowance=2, period="week", clock="Europe/Vienna", cooldown=0
        )
        assert "**Allowance** 2 pictures a week per member" in text
        assert "**Time zone** Europe/Vienna" in text
        text = await told(ada, "limner roles set", role=MODERATORS, allowance=100, priority=True)
        assert f"<@&{MODERATORS}> 100 pictures a week · priority" in text
        text = await told(ada, "limner bonus give", person=environment.ben.member, amount=5, days=3)
        assert f"<@{environment.ben.id}> 5 pictures more a week, ends <t:" in text

        ana = await told(environment.ana, "quota")
        assert "2 of 2 pictures left" in ana
        assert "the server's default" in ana
        ben = await told(environment.ben, "quota")
        assert "7 of 7 pictures left" in ben
        assert "your bonus: 5 pictures more a week, ends <t:" in ben
        mo = await told(environment.mo, "quota")
        assert "100 of 100 pictures left" in mo
        assert "0 of 10" in mo
        assert f"allowance by <@&{MODERATORS}>" in mo

        text = await told(ada, "limner channels allow", channel=channel_id(environment, "pictures"))
        assert "Only in <#" in text
        text = await refused(environment.ana, "Not allowed in this channel")
        assert "Try another one" in text
        await asked(environment.ana, "pictures", count=2)
        text = await refused(environment.ana, "Daily limit reached", "pictures")
        assert "0 of 2 pictures left this week" in text
        assert "Try again <t:" in text

        text = await told(ada, "limner status")
        assert "1 role override" in text
        assert "1 personal bonus" in text
        assert "Took back 1 bonus" in await told(
            ada, "limner bonus revoke", person=environment.ben.member
        )
        assert f"<@{environment.ben.id}> has no bonus." in await told(
            ada, "limner bonus revoke", person=environment.ben.member
        )
        with pytest.raises(NotPossible):
            await told(ada, "limner bonus give", person=environment.ben.member, amount=0)
        assert "Deleted the override of" in await told(ada, "limner roles clear", role=MODERATORS)
        assert "every channel" in await told(ada, "limner channels clear")
        assert "50 pictures a day" in await told(ada, "limner limits", reset=True)


async def test_what_a_paused_line_was_asked_for_waits_says_so_and_is_made_later(environment, ada):
    async with environment.bot():
        assert "paused" in await told(ada, "limner pause")
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=2)
        await reply.until(lambda message: "Queue paused" in as_text(message), PATIENCE_S)
        assert "paused" in await told(environment.ana, "quota")
        assert "Queue paused" in await told(environment.ana, "queue")
        assert environment.comfyui.log.posts == []
        assert "resumed" in await told(ada, "limner resume")
        await reply.until(files_of, PATIENCE_S)


async def test_only_the_operator_drains_backends_and_it_outlives_a_restart(environment, ada):
    owner = Person(environment.world, environment.world.directory.owner.id)
    async with environment.bot() as core:
        (name,) = core.services.backend_admin.names
        text = await told(owner, "limner backends list")
        assert f"**{name}** · ready" in text.replace("\\", "")
        assert "GiB free" in text
        drained = await told(owner, "limner backends drain", backend=name)
        assert "gets no new work" in drained
        assert "No GPU" in await told(owner, "limner backends drain", backend="nowhere")
        if owner.id != ada.id:
            assert "Only the people who run this bot" in await told(ada, "limner backends list")
    async with environment.bot():
        text = await told(owner, "limner backends list")
        assert f"stopped by <@{owner.id}>" in text
        assert "gets work again" in await told(owner, "limner backends resume", backend=name)
        await asked(environment.ana)


async def test_others_are_not_even_offered_the_commands(environment):
    async with environment.bot():
        with pytest.raises(NotPossible):
            await environment.ana.slash("general", "limner status")


def channel_id(environment, name):
    return str(environment.world.channel(name).id)


async def test_quick_presses_in_the_setup_are_answered_in_their_order(environment, ada):
    async with environment.bot() as core:
        reply = await ada.slash("general", "limner setup")
        message = await reply.until(lambda one: "1 of 5" in as_text(one), PATIENCE_S)
        await ada.click(message, "Next")
        message = await reply.until(lambda one: "2 of 5" in as_text(one), PATIENCE_S)
        held = environment.world.hold_next("POST", r"/callback$")
        first = asyncio.create_task(ada.choose(message, "setup:amount", "open"))
        await asyncio.wait_for(held.arrived.wait(), PATIENCE_S)
        await ada.choose(message, "setup:amount", "small")
        await ada.click(message, "Next")
        held.released.set()
        await first
        message = await reply.until(lambda one: "3 of 5" in as_text(one), PATIENCE_S)
        administration, guild_id = core.services.administration, environment.world.guild_id
        assert (await administration.limits(guild_id)).pictures == 10
        await administration.set_limits(Actor(ada.id, guild_id), {"period": "week"})
        await ada.click(message, "Back")
        message = await reply.until(lambda one: "10 pictures a week" in as_text(one), PATIENCE_S)
        options = next(
            part["options"]
            for part in interactive(message["components"])
            if part.get("custom_id") == "setup:amount"
        )
        assert not any(option.get("default") for option in options), "none of them is a week's"


async def test_a_server_is_set_up_in_five_steps_to_a_test_picture(environment, ada):
    pictures = str(environment.world.channel("pictures").id)
    moderators = str(environment.world.channel("moderators").id)
    async with environment.bot() as core:
        reply = await ada.slash("general", "limner setup")

        async def shown(*words):
            return await reply.until(
                lambda one: all(word in as_text(one) for word in words), PATIENCE_S
            )

        async def answered(act, *arguments):
            """What is shown once this was answered by a change of the message."""
            before = reply.message["edited_timestamp"]
            await act(reply.message, *arguments)
            return as_text(
                await reply.until(lambda one: one["edited_timestamp"] != before, PATIENCE_S)
            )

        message = await shown("1 of 5")
        assert message["ephemeral"]
        await answered(ada.choose, "setup:makers", MODERATORS)
        await answered(ada.choose, "setup:places", pictures)
        assert "Now: 50 pictures a day" in await answered(ada.click, "Next")
        assert "Now: 10 pictures a day" in await answered(ada.choose, "setup:amount", "small")
        assert "3 of 5" in await answered(ada.click, "Next")
        await answered(ada.choose, "setup:moderators", moderators)
        await answered(ada.choose, "setup:review", "flagged")
        assert "not installed" in await answered(ada.click, "Next")
        assert "5 of 5" in await answered(ada.click, "Next")
        kept = await answered(ada.choose, "setup:keep", "30")
        assert "Prompts are kept for 30 days" in kept
        await answered(ada.choose, "setup:workflow", "txt2img-sd3")
        made = await ada.click(await shown("5 of 5"), "Make a test picture")
        refusal = await made.until(lambda one: "Not allowed" in as_text(one), PATIENCE_S)
        assert refusal["ephemeral"]
        assert "4 of 5" in await answered(ada.click, "Back")
        guild_id, services = environment.world.guild_id, core.services
        assert dict(await services.administration.channels(guild_id)) == {int(pictures): True}
        overview = await services.reviews.overview(guild_id)
        assert (overview.mode, overview.log_channel_id) == ("flagged", int(moderators))
        (role,) = await services.administration.roles(guild_id)
        assert (role.role_id, role.may_generate) == (int(MODERATORS), True)
        assert await services.retention.find(guild_id) == RetentionSettings(pictures=30, prompts=30)
        for joined, expected in ((guild_id, RetentionSettings(30, 30)), (7, DEFAULT_RETENTION)):
            await services.retention.begin(joined)
            assert await services.retention.find(joined) == expected
        await services.administration.set_served_channels(Actor(ada.id, guild_id), ())
        await services.administration.set_makers(Actor(ada.id, guild_id), ())
        assert "5 of 5" in await answered(ada.click, "Next")
        made = await ada.click(reply.message, "Make a test picture")
        done = await made.until(files_of, PATIENCE_S)
        assert done["ephemeral"]
