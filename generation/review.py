"""What is shown when: policies by guild and channel, and what moderators decide of results."""

from enum import StrEnum

from db.moderation import WHOLE_GUILD, ReviewRepository
from generation.request import Requester


class ReviewMode(StrEnum):
    """How a place reviews its results.

    `log` shows moderators all of them as well, `flagged` only those with a flag; with `hold`
    nobody sees one before a moderator approves of it.
    """

    OFF = "off"
    LOG = "log"
    FLAGGED = "flagged"
    HOLD = "hold"


async def find_mode(reviews: ReviewRepository, requester: Requester) -> ReviewMode:
    """The mode where somebody asks: the channel's own, its parent's, or else the guild's."""
    if requester.guild_id is None:
        return ReviewMode.OFF
    modes = await reviews.modes(requester.guild_id)
    for place in (requester.channel_id, requester.parent_channel_id, WHOLE_GUILD):
        if place in modes:
            return ReviewMode(modes[place])
    return ReviewMode.OFF
