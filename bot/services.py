"""The core services that commands and buttons use."""

from dataclasses import dataclass, field
from typing import Protocol, cast

import discord
from cachetools import FIFOCache

from bot.press_order import PressOrder
from generation.backends.draining import BackendAdmin
from generation.history.removal import Remover
from generation.history.retention import Retention
from generation.library.library import Library
from generation.marking.marker import Marker
from generation.marking.visible import VisibleMark
from generation.media.decoding import FileSlots
from generation.moderation.appeals import Appeals
from generation.moderation.blocks import Moderation
from generation.moderation.case_file import ModerationQueries
from generation.moderation.image_filter import ImageGate
from generation.moderation.image_hashes import PictureBlocks
from generation.moderation.review import Reviews
from generation.moderation.transparency import Transparency
from generation.people.personal_data import PersonalData
from generation.people.preferences import Preferences
from generation.prompts.wildcard_lists import WildcardLists
from generation.quota.guild_settings import Administration
from generation.requests.available_actions import ActionFinder
from generation.requests.derivations import Derivations
from generation.requests.reposting import Reposting
from generation.service import GenerationService
from generation.tasks import PendingWork

REMEMBERED_PICTURES = 1_000
"""Pictures remembered while the form for using them is open."""


@dataclass(frozen=True, slots=True)
class Services:
    """The core services, built by the composition root."""

    generations: GenerationService
    action_finder: ActionFinder
    derivations: Derivations
    remover: Remover
    administration: Administration
    moderation: Moderation
    reviews: Reviews
    reposting: Reposting
    image_gate: ImageGate
    personal: PersonalData
    retention: Retention
    backend_admin: BackendAdmin
    moderation_queries: ModerationQueries
    transparency: Transparency
    picture_blocks: PictureBlocks
    appeals: Appeals
    preferences: Preferences
    library: Library
    wildcards: WildcardLists
    visible_mark: VisibleMark
    marker: Marker = field(default_factory=Marker)
    file_slots: FileSlots = field(default_factory=FileSlots)
    offered_pictures: FIFOCache[tuple[int, int], discord.Attachment] = field(
        default_factory=lambda: FIFOCache(REMEMBERED_PICTURES)
    )
    """Pictures in open forms, by user id and attachment id; the newest are kept."""

    press_order: PressOrder = field(default_factory=PressOrder)
    acknowledgements: PendingWork = field(default_factory=PendingWork)


class _Served(Protocol):
    @property
    def services(self) -> Services: ...


def services_of(interaction: discord.Interaction) -> Services:
    """Return the services of the client that received this interaction."""
    return cast("_Served", interaction.client).services
