"""Every picture that leaves says that a machine made it, whatever way it takes."""

import io
import json
from zipfile import ZipFile

import aiohttp
import c2pa
import pytest

from generation.media.media_types import guess_media_type
from sandbox.people import Person, as_text, files_of
from tests.support.messages import id_of, is_answered, is_done, press_more

PATIENCE_S = 60
MADE, EDITED = "/trainedAlgorithmicMedia", "/compositeWithTrainedAlgorithmicMedia"
SECRETS = (b"a fox in the snow", b"ana", b"127.0.0.1", b"txt2img")


async def imagine(person, channel="general", **options):
    options = {"prompt": "a fox in the snow", "steps": 2, **options}
    reply = await person.slash(channel, "imagine", **options)
    return await reply.until(is_done, PATIENCE_S)


async def answer(person, command, **options):
    reply = await person.slash("general", command, **options)
    return await reply.until(is_answered, PATIENCE_S)


async def download(file):
    async with aiohttp.ClientSession() as session, session.get(file["url"]) as response:
        return await response.read()


def read_file(name, content):
    """Validate a file; returns its statement as JSON text, None without."""
    reader = c2pa.Reader.try_create(guess_media_type(name), io.BytesIO(content))
    if reader is None:
        return None
    assert reader.get_validation_state() == "Valid"
    report = json.loads(reader.json())
    return json.dumps(report["manifests"][report["active_manifest"]])


async def read_statement(message):
    """The statement of the first file of a message."""
    (file, *_) = files_of(message)
    return read_file(file["filename"], await download(file))


async def list_paths(environment):
    """Every way that a result takes to people; yields the message that shows it."""
    ana, mo, world = environment.ana, environment.mo, environment.world
    owner = Person(world, world.directory.owner.id)
    done = await imagine(ana)
    yield "public", done
    yield "grid", await imagine(ana, count=2)
    yield "direct", await imagine(ana, world.directory.direct_channel(ana.member))
    yield "upscaled", await (await ana.click(done, "Upscale")).until(is_done, PATIENCE_S)
    original = await press_more(ana, done, "Original")
    original = await original.until(is_answered, PATIENCE_S)
    yield "original", original
    bare = await ana.click(original, "Without metadata")
    yield "without metadata", await bare.until(is_answered, PATIENCE_S)
    yield "shown again", await answer(ana, "show", result=id_of(done))
    private = await imagine(ana, private=True)
    yield "private", private
    await answer(owner, "limner channels gallery", channel=str(world.channel("after-dark").id))
    shared = await press_more(ana, private, "Share")
    await shared.until(is_answered, PATIENCE_S)
    yield "shared", environment.ben.messages("after-dark")[-1]
    yield "history", await answer(ana, "history")
    yield "record", await answer(mo, "mod show", result=id_of(done))
    await answer(mo, "mod channel", channel=world.channel("moderators").id)
    await answer(mo, "mod review", mode="hold")
    for number in (1, 2):
        await ana.slash("general", "imagine", prompt="a fox in the snow", steps=2)
        held = await world.wait_for(
            lambda count=number: mo.messages("moderators")[count - 1 :], PATIENCE_S
        )
        yield "moderators' channel", held[0]
    yield "review", await answer(mo, "mod review")


async def test_a_result_is_marked_on_every_way_that_it_takes(environment):
    async with environment.bot():
        async for way, message in list_paths(environment):
            files = files_of(message)
            assert files, way
            for file in files:
                statement = read_file(file["filename"], await download(file))
                assert statement is not None, way
                assert MADE in statement, way
                assert not [word for word in SECRETS if word in statement.encode()], way
        (export, *_) = files_of(await answer(environment.ana, "mydata export"))
        archive = ZipFile(io.BytesIO(await download(export)))
        pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
        assert pictures
        assert all(MADE in read_file(name, archive.read(name)) for name in pictures)


async def test_what_changes_an_attached_picture_says_so_and_what_is_made_of_it(
    environment, picture
):
    async with environment.bot():
        for given, expected in (({}, MADE), ({"image": picture()}, EDITED)):
            done = await imagine(environment.ana, **given)
            assert expected in await read_statement(done)
            for button in ("Again", "Vary"):
                reply = await environment.ana.click(done, button)
                derived = await reply.until(is_done, PATIENCE_S)
                assert expected in await read_statement(derived), button


async def test_a_server_leaves_the_word_out(environment):
    ada = Person(environment.world, "ada")
    async with environment.bot():
        assert "· AI" in as_text(await imagine(environment.ana))
        reply = await ada.slash("general", "limner marking", word="off")
        await reply.until(lambda one: 'doesn\'t say "AI"' in as_text(one), PATIENCE_S)
        done = await imagine(environment.ana)
        assert "AI" not in as_text(done).split()
        assert MADE in await read_statement(done)


@pytest.mark.parametrize("setting", ["off", "/nowhere/key.pem"])
async def test_without_a_key_results_are_posted_all_the_same(environment, setting):
    async with environment.bot(credentials=setting):
        assert await read_statement(await imagine(environment.ana)) is None
