"""What the bot knows of the place where somebody asks."""

from types import SimpleNamespace

import discord
import pytest

from bot.requester import is_age_restricted

LEVELS = discord.NSFWLevel


@pytest.mark.parametrize(
    ("level", "is_channel", "expected"),
    [
        (LEVELS.default, False, False),
        (LEVELS.safe, False, False),
        (LEVELS.default, True, True),
        (LEVELS.age_restricted, False, True),
        (LEVELS.explicit, False, True),
    ],
)
def test_channels_and_servers_are_age_restricted(level, is_channel, expected):
    guild = SimpleNamespace(nsfw_level=level)
    channel = SimpleNamespace(guild=guild, is_nsfw=lambda: is_channel)
    assert is_age_restricted(channel) is expected


def test_direct_messages_are_not():
    assert not is_age_restricted(SimpleNamespace(recipient=None))
    assert not is_age_restricted(None)
