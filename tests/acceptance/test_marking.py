"""Every picture that leaves says that a machine made it, whatever way it takes."""

import io
import json

import aiohttp
import c2pa
import pytest

from sandbox.people import Person, as_text, files_of
from tests.support.messages import is_answered, is_done, press_more

PATIENCE_S = 60
MADE, EDITED = "/trainedAlgorithmicMedia", "/compositeWithTrainedAlgorithmicMedia"
SECRETS = (b"a fox in the snow", b"ana", b"127.0.0.1", b"txt2img")


async def imagine(person, **options):
    options = {"prompt": "a fox in the snow", "steps": 2, **options}
    reply = await person.slash("general", "imagine", **options)
    return await reply.until(is_done, PATIENCE_S)


async def read_statement(message):
    """Validate the first file of a message; returns its statement as JSON text, None without."""
    (file, *_) = files_of(message)
    async with aiohttp.ClientSession() as session, session.get(file["url"]) as response:
        content, media_type = await response.read(), response.content_type
    reader = c2pa.Reader.try_create(media_type, io.BytesIO(content))
    if reader is None:
        return None
    assert reader.get_validation_state() == "Valid"
    report = json.loads(reader.json())
    return json.dumps(report["manifests"][report["active_manifest"]])


async def test_a_result_a_grid_and_an_original_are_marked(environment):
    async with environment.bot():
        done = await imagine(environment.ana)
        grid = await imagine(environment.ana, count=2)
        original = await press_more(environment.ana, done, "Original")
        original = await original.until(is_answered, PATIENCE_S)
        for message in (done, grid, original):
            statement = await read_statement(message)
            assert "/trainedAlgorithmicMedia" in statement
            assert not [word for word in SECRETS if word in statement.encode()]


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
