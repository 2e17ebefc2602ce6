"""Submission of requests: of a command's input, or derived from another generation."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import discord

from bot.i18n.language import _
from bot.network import NETWORK_ERRORS
from bot.permissions import can_change_workflows
from bot.replies.address import open_reply
from bot.replies.inputs import check_attachments, fetching, given_values
from bot.replies.posted_files import PostedFiles, is_panel
from bot.requester import requester_of
from bot.services import Services, services_of
from bot.ui.responses import deadline_of
from generation.errors import ServiceUnavailable
from generation.record import Generation
from generation.request import GenerationRequest, Requester, Value
from generation.requests.checking import CheckedRequest
from generation.requests.derivations import Derivations
from generation.requests.enhancement import enhance_first

T = TypeVar("T")

BuildRequest = Callable[[Derivations, Requester], Awaitable[GenerationRequest]]

_LOOKS = 10
"""Times that a deferred message is looked at, a second apart, before a warning is sent."""

ACKNOWLEDGEMENTS_S = 1.0
"""Seconds for which recording a request waits for the acknowledgements of others."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommandInput:
    """The options of a command; None stands for omitted ones.

    `media` names the attachments that are a "video" or an "audio" file instead of a picture.
    Without a `workflow`, one of the `kinds` is selected, or any if there are none. With `enhance`,
    a better prompt is made first. `is_trial` is for those who may enable the workflow.
    """

    prompt: str = ""
    workflow: str | None = None
    values: Mapping[str, Value | None] = field(default_factory=dict)
    attachments: Mapping[str, discord.Attachment | None] = field(default_factory=dict)
    aspect: str | None = None
    private: bool | None = None
    spoiler: bool | None = None
    media: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    enhance: bool = False
    is_trial: bool = False


async def submit(interaction: discord.Interaction, command_input: CommandInput) -> None:
    """Acknowledge and submit; attachments are downloaded after admission.

    Refusals found in time come before the acknowledgement: the first response fixes who may see
    the reply, and a refusal is private. Raises RequestRefused or ServiceUnavailable.
    """
    services = services_of(interaction)
    with services.generations.submissions.pending():
        with services.acknowledgements.pending():
            request, checked = await _check_and_acknowledge(interaction, command_input, services)
        await services.acknowledgements.wait(ACKNOWLEDGEMENTS_S)
        generation = await services.generations.submit(request, checked)
    await _warn(interaction, generation)


async def derive(interaction: discord.Interaction, build_for: BuildRequest) -> None:
    """Acknowledge and submit the derived request, charged to the interacting user.

    Refusals found within the deadline come before the acknowledgement, whose visibility could
    not be changed to private later. Raises RequestRefused and other GenerationErrors.
    """
    services = services_of(interaction)
    with services.generations.submissions.pending():
        generation = await _derive(interaction, build_for, services)
    await _warn(interaction, generation)


async def _derive(
    interaction: discord.Interaction, build_for: BuildRequest, services: Services
) -> Generation:
    defaults = await services.preferences.defaults_before(
        interaction.user.id, deadline_of(interaction)
    )
    requester, is_trial = requester_of(interaction), can_change_workflows(interaction)
    derivations = services.derivations.with_copies(
        PostedFiles(interaction.client, interaction.message).fetch
    )

    async def build_request() -> GenerationRequest:
        async with services.generations.deciding(requester):
            return replace(await build_for(derivations, requester), is_trial=is_trial)

    request = await _in_time(interaction, build_request())
    checked = None
    if request is not None:
        checked = await _in_time(interaction, services.generations.check(request))
    # If the original could not be looked up in time, the reply is as visible as the button.
    private = (
        _is_private(interaction) or defaults.private or (request is not None and request.private)
    )
    reply = await open_reply(interaction, defaults, private=private)
    if request is None:
        request = await build_request()
    request = replace(
        request,
        private=private,
        spoiler=request.spoiler or defaults.spoiler,
        layout=defaults.layout,
        keeps_metadata=request.keeps_metadata and defaults.keeps_metadata,
        reply=reply,
    )
    return await services.generations.submit(request, checked)


async def _check_and_acknowledge(
    interaction: discord.Interaction, command_input: CommandInput, services: Services
) -> tuple[GenerationRequest, CheckedRequest | None]:
    attachments = {
        name: attachment
        for name, attachment in command_input.attachments.items()
        if attachment is not None
    }
    check_attachments(attachments, command_input.media)
    requester = requester_of(interaction)
    defaults = await services.preferences.defaults_before(
        requester.user_id, deadline_of(interaction), requester
    )
    request = GenerationRequest(
        requester=requester,
        prompt=command_input.prompt,
        workflow=command_input.workflow,
        kinds=command_input.kinds,
        values=given_values(command_input.values),
        files=fetching(attachments),
        aspect=command_input.aspect,
        private=defaults.private if command_input.private is None else command_input.private,
        spoiler=defaults.spoiler if command_input.spoiler is None else command_input.spoiler,
        is_trial=command_input.is_trial,
    )
    request = services.preferences.complete(request, defaults)
    if command_input.enhance:
        await _in_time(interaction, services.generations.check(request))
        request = enhance_first(request)
    checked = await _in_time(interaction, services.generations.check(request))
    reply = await open_reply(interaction, defaults, private=request.private)
    return replace(request, reply=reply), checked


async def _in_time(interaction: discord.Interaction, awaited: Awaitable[T]) -> T | None:
    """Await an early check until the deadline; None if it is late, as acceptance decides then."""
    try:
        async with asyncio.timeout_at(deadline_of(interaction)):
            return await awaited
    except (TimeoutError, ServiceUnavailable) as error:
        _log.debug("A request could not be checked at once: %s", type(error).__name__)
        return None


async def _warn(interaction: discord.Interaction, generation: Generation) -> None:
    """Warn a person privately whose prompt contains watched words, if it is to be. Never raises."""
    try:
        if await services_of(interaction).moderation.needs_warning(generation):
            await _wait_until_filled(interaction)
            await interaction.followup.send(
                _("Heads-up: moderators can see this request; its wording is watched."),
                ephemeral=True,
            )
    except (discord.HTTPException, ServiceUnavailable, *NETWORK_ERRORS) as error:
        _log.warning("Somebody could not be warned of a word: %s", type(error).__name__)


async def _wait_until_filled(interaction: discord.Interaction) -> None:
    """Wait until the deferred message is edited: a public follow-up would fill it."""
    original: discord.Message = await interaction.original_response()
    for _attempt in range(_LOOKS):
        if not original.flags.loading:
            return
        await asyncio.sleep(1)
        original = await interaction.followup.fetch_message(original.id)


def _is_private(interaction: discord.Interaction) -> bool:
    message = interaction.message
    return message is not None and message.flags.ephemeral and not is_panel(message)
