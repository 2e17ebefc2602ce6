"""What is not for somebody stays out of reach, wherever they found a button of it."""

import re

import pytest

from bot.replies.deletion import take_delete
from bot.replies.remix import take_remix
from bot.replies.result_buttons import build_button
from bot.replies.starts import take_start, take_words
from bot.ui.modals import ModalInput
from generation.errors import NotYours
from sandbox.people import as_text
from tests.support.messages import is_answered

EVERYBODY = (
    *("upscale", "vary", "again", "retry", "remix", "input", "edit", "animate", "words"),
    *("original", "bare", "info"),
)
"""Those who may generate; what it makes is charged to whoever pressed."""

OWNER_AND_MODERATORS = ("cancel", "delete")

REFUSED = "Only the person who made"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def bot(shared_bot):
    return shared_bot


@pytest.fixture
def service(bot):
    return bot.service


@pytest.fixture
def press(bot, tools, service):
    """Presses a button of a generation of ana's, wherever that button came from."""

    async def press_(person, action, **facts):
        generation, contents = tools.result(
            tools.generation(user_id=bot.ana.id, **{"guild_id": bot.world.guild_id, **facts}),
            tools.picture(),
        )
        service.kept[service.add(generation).id] = contents
        view = tools.view(build_button(generation.id, action))
        channel = bot.client.get_channel(bot.world.channel("general").id)
        message = await channel.send("here", view=view)
        seen = next(one for one in person.messages() if one["id"] == str(message.id))
        before = {one["id"] for one in person.messages()}
        reply = await person.click(seen, f"g:{generation.id}:{action}:0")
        if reply.modal is not None:
            return "asked"

        def find_new():
            return [one for one in person.messages() if one["id"] not in before]

        await tools.eventually(lambda: any(map(is_answered, find_new())) or service.requests)
        refused = [one for one in find_new() if REFUSED in as_text(one)]
        assert all(one["ephemeral"] for one in refused)
        return "refused" if refused else "done"

    return press_


@pytest.mark.parametrize("who", ["ben", "mo"])
@pytest.mark.parametrize("facts", [{"private": True}, {"guild_id": None}, {"guild_id": 404}])
@pytest.mark.parametrize("action", EVERYBODY)
async def test_nobody_goes_on_from_what_is_not_for_them(bot, press, action, facts, who):
    assert await press(getattr(bot, who), action, **facts) == "refused"
    assert bot.service.requests == []


@pytest.mark.parametrize("action", EVERYBODY)
async def test_what_was_asked_for_in_a_channel_is_for_those_who_see_it(bot, press, action):
    hidden = bot.world.channel("moderators").id
    assert await press(bot.ben, action, channel_id=hidden) == "refused"
    assert bot.service.requests == []
    assert await press(bot.mo, action, channel_id=hidden) != "refused"


@pytest.mark.parametrize("action", OWNER_AND_MODERATORS)
async def test_moderators_of_another_server_have_no_say(bot, press, action):
    assert await press(bot.mo, action, guild_id=404) == "refused"


async def test_a_form_that_was_opened_gives_no_right_to_send_it(bot, tools, service):
    """Somebody may keep a form open while the result becomes private, or forge its id."""
    theirs = service.add(tools.generation(user_id=77, guild_id=404))

    class Interaction:
        """As much of one as forms need before they refuse."""

        def __init__(self):
            self.extras = {}

        user = bot.ben.member
        guild = None
        channel = None
        channel_id = guild_id = 5
        message = None
        client = bot.client

        class response:  # noqa: N801 - the library's name
            @staticmethod
            async def defer():
                pass

        is_user_integration = staticmethod(lambda: False)
        is_guild_integration = staticmethod(lambda: True)

        class permissions:  # noqa: N801 - likewise
            manage_messages = True

    pattern = re.compile(r"f:(?P<id>[a-z0-9]+):(?P<use>edit):(?P<index>0)")
    answer = ModalInput(pattern.fullmatch(f"f:{theirs.id}:edit:0"), {"prompt": "x"}, {})
    for take in (take_remix, take_start, take_words, take_delete):
        with pytest.raises(NotYours):
            await take(Interaction(), answer)
    assert service.requests == []
