"""Autocompletion shared by several commands."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

import discord

from bot.requester import requester_of
from bot.services import services_of
from bot.ui.options import CHOICES_TIMEOUT_S, Choices, matching
from generation.errors import GenerationError
from generation.quota.policy import Access

T = TypeVar("T")

_log = logging.getLogger(__name__)


async def complete_workflow(interaction: discord.Interaction, typed: str) -> Choices:
    """Return the workflows that this person may use here."""
    service, requester = services_of(interaction).generations, requester_of(interaction)
    usable = service.workflows(requester, await access_of(interaction))
    return matching(((summary.title, summary.name) for summary in usable), typed)


async def complete_model(interaction: discord.Interaction, typed: str) -> Choices:
    """Return the models of the chosen workflow that this person may use."""
    return await _complete_file("checkpoint", interaction, typed)


async def complete_lora(interaction: discord.Interaction, typed: str) -> Choices:
    """Return the LoRAs of the chosen workflow that this person may use."""
    return await _complete_file("lora", interaction, typed)


async def _complete_file(kind: str, interaction: discord.Interaction, typed: str) -> Choices:
    service, requester = services_of(interaction).generations, requester_of(interaction)
    access = await access_of(interaction)
    names = service.files(kind, chosen_workflow(interaction), requester, access)
    return matching(((name, name) for name in names), typed)


async def access_of(interaction: discord.Interaction) -> Access:
    """Return what the person's roles may use; everything if that cannot be read.

    The choice is checked again when it is submitted.
    """
    lookup = services_of(interaction).generations.find_access(requester_of(interaction))
    return await in_time(interaction, lookup) or {}


async def in_time(interaction: discord.Interaction, lookup: Awaitable[T]) -> T | None:
    """Await a look-up for choices; return None, and log a warning, if it is late or fails."""
    try:
        async with asyncio.timeout(CHOICES_TIMEOUT_S):
            return await lookup
    except (TimeoutError, GenerationError) as error:
        name = interaction.command.qualified_name if interaction.command else ""
        _log.warning("No choices for /%s just now: %s", name, error or "the records are slow")
        return None


def chosen_workflow(interaction: discord.Interaction) -> str | None:
    """Return the `workflow` option as typed so far during autocompletion: unchecked text."""
    return getattr(interaction.namespace, "workflow", None) or None
