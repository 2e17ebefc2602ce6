"""Submission of requests that derive from another generation, by a button or a modal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import discord

from bot.permissions import can_change_workflows
from bot.replies.address import open_reply
from bot.replies.posted_files import PostedFiles, is_panel
from bot.replies.word_warning import warn
from bot.requester import requester_of
from bot.services import services_of
from bot.ui.responses import deadline_of
from generation.errors import ServiceUnavailable
from generation.request import Requester
from generation.requests.checking import CheckedRequest
from generation.requests.derivations import Derivations, DerivedRequest

_log = logging.getLogger(__name__)


async def derive(
    interaction: discord.Interaction,
    build_for: Callable[[Derivations, Requester], Awaitable[DerivedRequest]],
) -> None:
    """Acknowledge and submit the derived request, charged to the interacting user.

    Refusals found within the deadline come before the acknowledgement, whose visibility could
    not be changed to private later. Raises RequestRefused and other GenerationErrors.
    """
    services = services_of(interaction)
    deadline = deadline_of(interaction)
    defaults = await services.preferences.defaults_before(interaction.user.id, deadline)
    requester, is_trial = requester_of(interaction), can_change_workflows(interaction)

    async def build_draft() -> DerivedRequest:
        async with services.generations.deciding(requester):
            draft = await build_for(services.derivations, requester)
        return replace(draft, request=replace(draft.request, is_trial=is_trial))

    draft, checked = await _draft_early(interaction, build_draft)
    # If the original could not be looked up in time, the reply is as visible as the button.
    private = (
        _is_private(interaction)
        or defaults.private
        or (draft is not None and draft.request.private)
    )
    reply = await open_reply(interaction, defaults, private=private)
    if draft is None:
        draft = await build_draft()
    request = replace(
        draft.request,
        private=private,
        spoiler=draft.request.spoiler or defaults.spoiler,
        layout=defaults.layout,
        keeps_metadata=draft.request.keeps_metadata and defaults.keeps_metadata,
    )
    posted_files = PostedFiles(interaction.client, interaction.message)
    request = services.derivations.complete(
        replace(draft, request=request), reply, posted_files.fetch
    )
    await warn(interaction, await services.generations.submit(request, checked))


async def _draft_early(
    interaction: discord.Interaction, build_draft: Callable[[], Awaitable[DerivedRequest]]
) -> tuple[DerivedRequest | None, CheckedRequest | None]:
    draft = checked = None
    try:
        async with asyncio.timeout_at(deadline_of(interaction)):
            draft = await build_draft()
            checked = await services_of(interaction).generations.check(draft.request)
    except (TimeoutError, ServiceUnavailable) as error:
        _log.debug("A request could not be checked at once: %s", type(error).__name__)
    return draft, checked


def _is_private(interaction: discord.Interaction) -> bool:
    message = interaction.message
    return message is not None and message.flags.ephemeral and not is_panel(message)
