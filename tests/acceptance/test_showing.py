"""What is brought back is shown to everybody only where it could have been made."""

import gzip
import io
import shutil
import zipfile
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp

from db.repositories.moderation.transparency import GuildPeriod, TransparencyRepository
from generation.errors import FailureKind
from generation.service import utc_now
from sandbox.discord_api.model.directory import GUILD_ID
from sandbox.people import Person, as_text, files_of
from tests.support.messages import id_of, is_answered, labels_of, press_more
from tests.support.reviews import refuse
from workflows.folders.catalog import LIBRARY

PATIENCE_S = 60
ONLY_YOU = "Only you can see this."


def has_pictures(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


async def answer(person, command, **options):
    reply = await person.slash("general", command, **options)
    return as_text(await reply.until(lambda message: "thinking" not in as_text(message)))


async def make(person, channel, **options):
    reply = await person.slash(channel, "imagine", prompt="a fox", steps=1, **options)
    return await reply.until(has_pictures, PATIENCE_S)


async def show(person, generation, channel="general"):
    reply = await person.slash(channel, "show", result=generation)
    return await reply.until(has_pictures, PATIENCE_S)


async def shown_by(person, command, **options):
    reply = await person.slash("general", command, **options)
    answered = await reply.until(files_of, PATIENCE_S)
    text = ""
    async with aiohttp.ClientSession() as session:
        for attachment in files_of(answered):
            async with session.get(attachment["url"]) as response:
                content = await response.read()
            text += unpack(attachment["filename"], content)
    return text


def unpack(filename, content):
    """The text of a file, or of an archive without its pictures."""
    if filename.endswith(".zip"):
        archive = zipfile.ZipFile(io.BytesIO(content))
        names = [name for name in archive.namelist() if name.endswith((".html", ".jsonl"))]
        return "".join(archive.read(name).decode() for name in names)
    return (gzip.decompress(content) if filename.endswith(".gz") else content).decode()


def count_refusals(core):
    day = timedelta(days=1)
    with core.database.transaction() as session:
        period = GuildPeriod(GUILD_ID, utc_now() - day, utc_now() + day)
        return TransparencyRepository(session).count_refusals(period)


async def test_show_does_not_get_round_what_moderators_decided(environment):
    """What was made in direct messages, or before they decided it, counts as asked for there."""
    ana, mo = environment.ana, environment.mo
    owner = Person(environment.world, environment.world.directory.owner.id)
    fox, channel = {"word": "fox"}, {"channel": str(environment.world.channel("general").id)}
    held = "Results appear here once a moderator approves them."
    policies = (
        (mo, "mod words add", fox, "mod words remove", fox, "allow “fox”."),
        (mo, "mod words add", fox | {"action": "hold"}, "mod words remove", fox, held),
        (mo, "mod review", {"mode": "hold"}, "mod review", {"mode": "off"}, held),
        (mo, "mod block", {"user": ana.id}, "mod unblock", {"user": ana.id}, "You're blocked"),
        (owner, "limner channels deny", channel, "limner channels clear", {}, "Pictures are off"),
    )
    async with environment.bot():
        made = id_of(
            await make(ana, environment.world.directory.direct_channel(ana.member), seed=1)
        )
        for person, begin, begun, end, ended, why in policies:
            assert not (await show(ana, made)).get("ephemeral"), why
            await answer(person, begin, **begun)
            hidden = await show(ana, made)
            assert hidden["ephemeral"], why
            assert f"{ONLY_YOU} " in as_text(hidden)
            assert why in as_text(hidden)
            await answer(person, end, **ended)


async def test_what_a_moderator_approved_of_can_be_shown_to_everybody(environment):
    async with environment.bot():
        await answer(environment.mo, "mod review", mode="hold")
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", seed=1, steps=1)
        await reply.until(lambda one: "Waiting for moderator approval" in as_text(one), PATIENCE_S)
        waiting = await environment.mo.slash("general", "mod review")
        case = await waiting.until(lambda one: "[Approve]" in as_text(one), PATIENCE_S)
        made = id_of(case)
        told = await answer(environment.ana, "show", result=made)
        assert "Waiting for moderator approval" in told
        assert "only you can see this" in told
        await environment.mo.click(case, "Approve")
        await reply.until(has_pictures, PATIENCE_S)
        assert not (await show(environment.ana, made)).get("ephemeral")


async def test_what_backends_are_called_is_told_to_the_operator_alone(environment):
    """By default it is their address in the operator's network."""
    address = urlsplit(environment.comfyui.url).netloc
    environment.world.directory.operator = environment.ben.member
    ada = Person(environment.world, "ada")
    async with environment.bot():
        made = id_of(await make(environment.ana, "general", seed=1))
        told = [
            await answer(environment.mo, "mod show", result=made),
            await shown_by(environment.ana, "mydata export"),
            await shown_by(environment.mo, "mod export", format="jsonl"),
            await answer(ada, "limner workflows inspect", workflow="txt2img-sd"),
            await shown_by(ada, "limner workflows inspect", workflow="txt2img-sd"),
        ]
        for text in told:
            assert text
            assert address not in text


async def test_a_result_is_shared_by_its_person_alone_and_deleted_with_it(environment):
    world, ana, ben = environment.world, environment.ana, environment.ben
    owner = Person(world, world.directory.owner.id)
    gallery = str(world.channel("after-dark").id)
    async with environment.bot() as core:
        private = await make(ana, "general", private=True)
        shared = await press_more(ana, private, "Share")
        assert "Shared" in as_text(await shared.until(is_answered, PATIENCE_S))
        (seen,) = ben.messages("general")
        assert id_of(seen) == id_of(private)
        assert not (await core.service.find(id_of(private))).private
        made = await make(ana, "general")
        panel = await (await ana.click(made, "⋯")).until(is_answered, PATIENCE_S)
        assert "Share" not in labels_of(panel)
        assert "shared in" in await answer(owner, "limner channels gallery", channel=gallery)
        panel = await (await ben.click(made, "⋯")).until(is_answered, PATIENCE_S)
        assert "Share" not in labels_of(panel)
        await answer(environment.mo, "mod review", mode="hold", channel=gallery)
        shared = await press_more(ana, made, "Share")
        told = as_text(await shared.until(is_answered, PATIENCE_S))
        assert "once a moderator approves them" in told
        assert ben.messages("after-dark") == []
        await answer(environment.mo, "mod review", mode="as the server", channel=gallery)
        shared = await press_more(ana, made, "Share")
        assert "Shared" in as_text(await shared.until(is_answered, PATIENCE_S))
        (seen,) = ben.messages("after-dark")
        assert "Original message" in as_text(seen)
        assert labels_of(seen) == ["⋯"]
        panel = await (await ana.click(made, "⋯")).until(is_answered, PATIENCE_S)
        assert "Share" not in labels_of(panel)
        case = await environment.mo.slash("general", "mod show", result=id_of(made))
        case = await refuse(environment.mo, await case.until(is_answered, PATIENCE_S))
        await world.wait_for(lambda: not ben.messages("after-dark"), PATIENCE_S)
        await ana.wait_for(
            lambda one: one["id"] == made["id"] and not has_pictures(one), PATIENCE_S
        )
        closed = await case.until(lambda one: "Undo" in labels_of(one), PATIENCE_S)
        await environment.mo.click(closed, "Undo")
        await environment.mo.wait_for(
            lambda one: "1 shared message stays deleted" in as_text(one), PATIENCE_S
        )
        await ana.wait_for(lambda one: one["id"] == made["id"] and has_pictures(one), PATIENCE_S)
        shared = await press_more(ana, made, "Share")
        assert "Shared" in as_text(await shared.until(is_answered, PATIENCE_S))
        assert len(ben.messages("after-dark")) == 1
        await ana.fill((await press_more(ana, made, "Delete")).modal, {})
        await world.wait_for(lambda: not ben.messages("after-dark"), PATIENCE_S)


async def test_what_comes_of_an_age_restricted_workflow_stays_among_adults(environment):
    folder = environment.data / "workflows" / "adult"
    shutil.copytree(LIBRARY / "txt2img-sd", folder)
    with (folder / "workflow.toml").open("a") as manifest:
        manifest.write("\n[access]\nage_restricted = true\n")
    ana, only = environment.ana, "age-restricted channels only"
    async with environment.bot() as core:
        made = await make(ana, "after-dark", workflow="adult", aspect="21:9")
        upscaled = await ana.click(made, "Upscale")
        upscaled = await upscaled.until(has_pictures, PATIENCE_S)
        assert not upscaled.get("ephemeral")
        for result in (made, upscaled):
            shown = await show(ana, id_of(result))
            assert shown["ephemeral"]
            assert only in as_text(shown)
            await ana.click(shown, "Vary")
            known = shown["id"]
            await ana.wait_for(lambda one, id_=known: one["id"] > id_ and only in as_text(one))
        ada = Person(environment.world, "ada")
        assert "Disabled" in await answer(ada, "limner workflows disable", workflow="adult")
        assert (await show(ana, id_of(made)))["ephemeral"]
        # Shown to oneself is not refused; varying it twice was.
        refused = {FailureKind.NOT_ALLOWED_HERE: 2}
        await environment.world.wait_for(lambda: count_refusals(core) == refused, PATIENCE_S)
        assert [one for one in environment.ben.messages("general") if files_of(one)] == []
