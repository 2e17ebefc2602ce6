"""`/limner` as administrators use it, and as others try to."""

import pytest

from bot.commands.admin.group import status_panel
from bot.i18n.language import speaking
from generation.quota.guild_settings import GuildStatus
from generation.quota.policy import GuildLimits
from tests.support.messages import said, texts_of

pytestmark = pytest.mark.simcord(settle_timeout=2)


def text_of(result):
    (told,) = result.followups or [result.response]
    return said(told)


def test_discord_shows_the_group_to_those_who_manage_the_server(simcord_bot):
    group = simcord_bot.tree.get_command("limner")
    assert group.default_permissions.manage_guild


async def test_an_administrator_pauses_and_resumes_once(place, services):
    first = await place.ada.slash(place.channel, "limner pause")
    again = await place.ada.slash(place.channel, "limner pause")
    back = await place.ada.slash(place.channel, "limner resume")
    assert first.ephemeral
    assert "paused" in text_of(first)
    assert "already" in text_of(again)
    assert "resumed" in text_of(back)
    assert [one[1:] for one in services.administration.acts] == [
        (place.ada.id, True),
        (place.ada.id, True),
        (place.ada.id, False),
    ]


async def test_status_says_how_things_stand(place):
    text = text_of(await place.ada.slash(place.channel, "limner status"))
    assert "**Queue** Taking requests" in text
    assert "**Now** 1 running · 2 waiting" in text
    assert "**GPUs** " in text
    assert "a day" not in text


def test_an_open_line_is_no_invitation_to_open_it():
    """One English word may be two in another language."""
    with speaking("de"):
        shown = status_panel(
            GuildStatus(is_paused=False, limits=GuildLimits(), running=1, waiting=2), ()
        )
    assert "Geöffnet" not in "".join(texts_of(shown))
