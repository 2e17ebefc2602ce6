"""`/limner` as administrators use it, and as others try to."""

from unittest.mock import Mock

import discord
import pytest

from bot.commands.admin.group import status_panel
from bot.i18n.language import speaking
from bot.permissions import can_administer, is_operator
from bot.tree import require_authority
from generation.errors import NotPermitted
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


class Asking:
    """As much of an interaction as authority is decided from.

    `permissions` are those in the channel, `granted` those that the roles give in the server.
    """

    def __init__(
        self,
        *,
        user_id=1,
        guild_id=5,
        permissions=None,
        granted=None,
        owner_id=9,
        command="limner",
        is_own=False,
    ):
        granted = granted or discord.Permissions.none()
        self.user = Mock(spec=discord.Member, id=user_id, guild_permissions=granted)
        self.guild_id = guild_id
        self.guild = Mock(spec=discord.Guild, id=guild_id, owner_id=8) if guild_id else None
        self.permissions = permissions or discord.Permissions.none()
        self.data = {"name": command}
        self.client = self
        self.application = self
        self.team = None
        self.owner = discord.Object(owner_id)
        self.is_guild_integration = lambda: not is_own
        self.is_user_integration = lambda: is_own


class Team:
    """A team of one member, 7."""

    def __init__(self, *, state=2, role="developer"):
        member = Asking()
        member.id = 7
        member.membership_state = discord.TeamMembershipState(state)
        member.role = discord.TeamMemberRole(role)
        self.members = [member]


@pytest.mark.parametrize(
    ("asking", "administers"),
    [
        (Asking(), False),
        (Asking(granted=discord.Permissions(manage_messages=True)), False),
        (Asking(granted=discord.Permissions(manage_guild=True)), True),
        (Asking(granted=discord.Permissions(administrator=True)), True),
        (Asking(user_id=8), True),
        # What is granted in this channel alone is not granted in the server.
        (Asking(permissions=discord.Permissions.all()), False),
        # In somebody else's server by one's own installation, one's rights there count nothing.
        (Asking(granted=discord.Permissions(manage_guild=True), is_own=True), False),
        (Asking(user_id=9), True),
        (Asking(guild_id=None, granted=discord.Permissions(manage_guild=True)), False),
        (Asking(guild_id=None, user_id=9), True),
    ],
)
def test_the_bot_itself_decides_who_administers(asking, administers):
    assert can_administer(asking) == administers
    if administers:
        require_authority(asking)
    else:
        with pytest.raises(NotPermitted):
            require_authority(asking)


@pytest.mark.parametrize(
    ("asking", "moderates"),
    [
        (Asking(command="mod"), False),
        (Asking(command="mod", permissions=discord.Permissions.all()), False),
        (Asking(command="mod", granted=discord.Permissions(manage_messages=True)), True),
        (Asking(command="mod", granted=discord.Permissions(manage_guild=True)), True),
        (Asking(command="mod", user_id=9), True),
        (Asking(command="mod", guild_id=None), False),
    ],
)
def test_the_bot_itself_decides_who_moderates(asking, moderates):
    if moderates:
        require_authority(asking)
    else:
        with pytest.raises(NotPermitted):
            require_authority(asking)


def test_commands_for_everybody_are_for_everybody():
    require_authority(Asking(command="imagine"))


@pytest.mark.parametrize(
    ("team", "user_id", "runs_it"),
    [
        (Team(), 7, True),
        (Team(), 9, False),
        (Team(state=1), 7, False),
        (Team(role="read_only"), 7, False),
    ],
)
def test_a_team_runs_the_bot_by_its_members(team, user_id, runs_it):
    asking = Asking(user_id=user_id)
    asking.team = team
    assert is_operator(asking) == runs_it
