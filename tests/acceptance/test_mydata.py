"""What is stored of somebody, in a file or gone."""

import asyncio
import io
import json
import os
from datetime import UTC, datetime, timedelta
from zipfile import ZipFile

import aiohttp
import pytest
from PIL import Image
from sqlalchemy import update

from db.repositories.generations import GenerationRepository
from db.tables import OutputContentRow
from generation.history.retention import RetentionSettings
from generation.request import Actor
from sandbox.people import Person, as_text, files_of
from tests.support.messages import id_of, is_answered

PATIENCE_S = 60


def has_pictures(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


async def make(person, **options):
    reply = await person.slash("general", "imagine", steps=4, **options)
    return await reply.until(has_pictures, PATIENCE_S)


async def fetch_archive(person):
    reply = await person.slash("general", "mydata export")
    message = await reply.until(files_of, PATIENCE_S)
    assert message["ephemeral"]
    url = files_of(message)[0]["url"]
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return ZipFile(io.BytesIO(await response.read()))


async def export(person):
    lines = (await fetch_archive(person)).read("data.jsonl").decode().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("largest_drawing", [1024])
async def test_the_archive_has_a_page_with_pictures_and_links_for_the_rest(environment):
    prompt = "<b>a fox</b> & more"
    async with environment.bot() as core:
        made = await make(environment.ana, prompt=prompt, seed=1, aspect="21:9")
        await environment.wait_until_delivered(core, id_of(made))
        archive = await fetch_archive(environment.ana)
        (name,) = [one for one in archive.namelist() if one.startswith("pictures/")]
        with Image.open(archive.open(name)) as picture:
            assert picture.width > 500
        page = archive.read("index.html").decode()
        assert "&lt;b&gt;a fox&lt;/b&gt; &amp; more" in page
        assert f'<img src="{name}"' in page
        environment.world.attachment_size_limit = 40_000
        small = await fetch_archive(environment.ana)
        assert sum(one.file_size for one in small.infolist()) < 40_000
        assert not [one for one in small.namelist() if one.startswith("pictures/")]
        assert "see its message</a>" in small.read("index.html").decode()


async def test_the_archive_fits_into_a_request_whatever_a_person_may_receive(environment):
    noise = Image.frombytes("RGB", (2000, 2000), os.urandom(2000 * 2000 * 3))
    noise.save(written := io.BytesIO(), "PNG", compress_level=0)
    environment.world.attachment_size_limit = 500 * 1024 * 1024
    async with environment.bot() as core:
        for seed in range(3):
            made = await make(environment.ana, prompt="a fox", seed=seed)
            await environment.wait_until_delivered(core, id_of(made))
        with core.database.transaction() as session:
            session.execute(update(OutputContentRow).values(content=written.getvalue()))
        archive = await fetch_archive(environment.ana)
        assert len([one for one in archive.namelist() if one.startswith("pictures/")]) == 2
        assert "see its message</a>" in archive.read("index.html").decode()


async def test_people_get_and_delete_what_is_theirs_and_nothing_else(environment):
    async with environment.bot() as core:
        await make(environment.ana, prompt="a fox", seed=1)
        await make(environment.ben, prompt="a wolf", seed=2)
        stored, *made = await export(environment.ana)
        assert [one["prompt"] for one in made] == ["a fox"]
        assert len(stored["charges"]) >= 1
        asked = await environment.ana.slash("general", "mydata delete")
        answered = await environment.ana.fill(asked.modal, {})
        await answered.until(lambda one: "Deleting 1 result" in as_text(one), PATIENCE_S)
        await environment.wait_until_forgotten(core, made[0]["id"])
        kept, *left = await export(environment.ana)
        assert left == []
        assert kept["charges"] == stored["charges"], "a quota does not begin anew"
        assert await core.service.contents(made[0]["id"]) == ()
        _, *others = await export(environment.ben)
        assert [one["prompt"] for one in others] == ["a wolf"]


async def ask_to_delete(person, expected):
    asked = await person.slash("general", "mydata delete")
    answered = await person.fill(asked.modal, {})
    await answered.until(lambda one: expected in as_text(one), PATIENCE_S)


async def test_a_record_is_kept_until_its_message_is_deleted(environment):
    ana, world = environment.ana, environment.world
    async with environment.bot() as core:
        earlier = id_of(await make(ana, prompt="a fox", seed=1))
        later = id_of(await make(ana, prompt="a fox", seed=2))
        for id_ in (earlier, later):
            await environment.wait_until_delivered(core, id_)
        held = world.hold_next("DELETE", r"/messages/\d+$")
        await ask_to_delete(ana, "Deleting 2 results.")
        await asyncio.wait_for(held.arrived.wait(), PATIENCE_S)
        for id_ in (earlier, later):
            assert (await core.service.find(id_)).is_deleted
            assert await core.service.contents(id_) == ()
        world.fail_next("DELETE", r"/messages/\d+$", 503)
        held.released.set()
        await environment.wait_until_forgotten(core, later)
        assert await core.service.find(earlier), "its message may be left"
        assert [id_of(one) for one in environment.ben.messages("general")] == [earlier]
        await ask_to_delete(ana, "Deleting 1 result.")
        await environment.wait_until_forgotten(core, earlier)
        assert environment.ben.messages("general") == []


async def test_a_record_is_kept_until_moderators_see_it_no_longer(environment):
    ana, mo, world = environment.ana, environment.mo, environment.world
    channel = world.channel("moderators").id
    async with environment.bot() as core:
        for command, options in (("channel", {"channel": channel}), ("review", {"mode": "log"})):
            reply = await mo.slash("general", f"mod {command}", **options)
            await reply.until(is_answered, PATIENCE_S)
        id_ = id_of(await make(ana, prompt="a fox", seed=1))
        await environment.wait_until_delivered(core, id_)
        world.fail_next("DELETE", rf"/channels/{channel}/messages/\d+$", 503)
        await ask_to_delete(ana, "Deleting 1 result.")
        await world.wait_for(lambda: not environment.ben.messages("general"), PATIENCE_S)
        assert await core.service.find(id_), "the moderators' message is left"
        await ask_to_delete(ana, "Deleting 1 result.")
        await environment.wait_until_forgotten(core, id_)
        assert mo.messages("moderators") == []


async def test_what_is_kept_long_enough_is_forgotten(environment):
    async with environment.bot() as core:
        service, guild_id = core.service, environment.world.guild_id
        await make(environment.ana, prompt="a fox", seed=1)
        _, recorded = await export(environment.ana)
        id_ = recorded["id"]
        for days, expected in ((1, "a fox"), (3, "")):
            with core.database.transaction() as session:
                long_ago = datetime.now(UTC) - timedelta(days=2 * days)
                GenerationRepository(session).update(
                    id_, created_at=long_ago, finished_at=long_ago, delivered_at=long_ago
                )
            await core.services.retention.set(
                Actor(environment.mo.id, guild_id), RetentionSettings(pictures=1, prompts=3)
            )
            await core.services.retention.apply()
            found = await service.find(id_)
            assert found.prompt == expected
            assert await service.contents(id_) == ()
            assert found.removed_at is not None
        await core.services.retention.set(
            Actor(environment.mo.id, guild_id), RetentionSettings(records=1)
        )
        assert await core.services.retention.apply() == 1
        assert await service.find(id_) is None


async def test_how_long_things_are_kept_changes_only_where_it_is_said(environment):
    ada = Person(environment.world, "ada")
    async with environment.bot():
        assert "Pictures are kept until deleted." in await retention(ada)
        assert "Pictures are kept for 30 days." in await retention(ada, pictures=30)
        assert "Prompts are kept for 7 days." in await retention(ada, prompts=7)
        assert "Pictures are kept until deleted." in await retention(ada, pictures=0)
        assert "Prompts are kept for 7 days." in await retention(ada)


async def retention(person, **options):
    reply = await person.slash("general", "mod retention", **options)
    return as_text(await reply.until(lambda message: "thinking" not in as_text(message)))
