"""Forms that nobody was shown: what they name, and what they choose, gives nobody any right."""

import pytest

from sandbox.discord_api.values import Upload
from sandbox.people import as_text, files_of

PATIENCE_S = 10


async def refused(person, words):
    return await person.wait_for(
        lambda one: words in as_text(one) and one.get("ephemeral"), PATIENCE_S
    )


@pytest.fixture
def hidden(bot, tools):
    """A picture in a channel that ben does not see."""
    return bot.mo.say("moderators", "look", [Upload("x.png", tools.picture())])


def form_of(message):
    picture = files_of(message)[0]["id"]
    return f"p:{message['channel_id']}:{message['id']}:{picture}"


async def test_a_picture_of_a_channel_one_does_not_see_is_not_fetched(bot, service, hidden):
    assert not [one for one in bot.ben.messages() if one["id"] == hidden["id"]]
    await bot.mo.menu(hidden, "Use as input")
    await bot.ben.forge_modal("general", form_of(hidden), {"prompt": "mine"})
    await refused(bot.ben, "Couldn't get the picture")
    assert service.requests == []


async def test_a_picture_that_no_menu_offered_is_refused(bot, service, tools):
    message = bot.ana.say("general", "look", [Upload("x.png", tools.picture())])
    for chosen in ("x", "-1", "٣", "9" * 5000):
        fields = {"prompt": "mine", "picture": [chosen]}
        await bot.ben.forge_modal("general", form_of(message), fields)
        told = await refused(bot.ben, "Couldn't get the picture")
        bot.world.messages.delete(bot.world.messages.get(int(told["id"])))
    assert service.requests == []


@pytest.mark.parametrize("seed", ["9" * 5000, "٣", "1e3"])
async def test_a_seed_that_is_no_number_is_left_to_the_core(bot, service, tools, seed):
    generation, _ = tools.result(
        tools.generation(user_id=bot.ben.id, guild_id=bot.world.guild_id), tools.picture()
    )
    service.add(generation)
    form = f"f:{generation.id}:remix"
    await bot.ben.forge_modal("general", form, {"prompt": "x", "more": f"seed={seed}"})
    await service.submitted.get()
    assert service.requests[-1].values["seed"] == seed


async def test_a_line_without_a_value_is_refused_in_words(bot, service, tools):
    generation, _ = tools.result(
        tools.generation(user_id=bot.ben.id, guild_id=bot.world.guild_id), tools.picture()
    )
    service.add(generation)
    form = f"f:{generation.id}:remix"
    await bot.ben.forge_modal("general", form, {"prompt": "x", "more": "seven"})
    await refused(bot.ben, "Write one name=value a line")


async def test_deleting_ones_own_deletes_no_other_message(bot, service, tools):
    """The form says what is deleted; the message that it was sent from may be another's."""
    theirs, reply = await bot.imagine()
    ended, contents = tools.result(theirs, tools.picture())
    service.kept[service.add(ended).id] = contents
    await bot.replies.deliver(ended, contents)
    own = service.add(tools.result(tools.generation(user_id=bot.ben.id), tools.picture())[0])
    await bot.ben.forge_modal("general", f"f:{own.id}:delete", {}, reply.message)
    await bot.ben.wait_for(lambda one: "Deleted" in one["content"])
    assert files_of(reply.message)
    assert bot.services.remover.removals == [(own.id, bot.ben.id, False)]
