"""What commands and buttons may ask of the heart."""

from dataclasses import dataclass
from typing import Protocol, cast

import discord

from generation.administration import Administration
from generation.derivations import Derivations
from generation.fleet import Fleet
from generation.image_gate import ImageGate
from generation.library import Library
from generation.moderation import Moderation
from generation.offers import Offers
from generation.oversight import Oversight
from generation.personal import PersonalData
from generation.preferences import Preferences
from generation.removal import Remover
from generation.reposting import Reposting
from generation.retention import Retention
from generation.review import Reviews
from generation.service import GenerationService


@dataclass(frozen=True, slots=True)
class Services:
    """One of each, built by the composition root."""

    generations: GenerationService
    offers: Offers
    derivations: Derivations
    remover: Remover
    administration: Administration
    moderation: Moderation
    reviews: Reviews
    reposting: Reposting
    image_gate: ImageGate
    personal: PersonalData
    retention: Retention
    fleet: Fleet
    oversight: Oversight
    preferences: Preferences
    library: Library


class _Served(Protocol):
    @property
    def services(self) -> Services: ...


def services_of(interaction: discord.Interaction) -> Services:
    """Those of the client that this interaction came to."""
    return cast("_Served", interaction.client).services
