"""Submission of a command's input to the generation service."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import discord

from bot.replies.address import open_reply
from bot.replies.inputs import check_attachments, fetching, given_values
from bot.replies.word_warning import warn
from bot.requester import requester_of
from bot.services import Services, services_of
from bot.ui.responses import deadline_of
from generation.errors import ServiceUnavailable
from generation.request import GenerationRequest, Value
from generation.requests.checking import CheckedRequest
from generation.requests.enhancement import enhance_first
from generation.service import GenerationService

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
    with services.acknowledgements.pending():
        request, checked = await _check_and_acknowledge(interaction, command_input, services)
    await services.acknowledgements.wait(ACKNOWLEDGEMENTS_S)
    generation = await services.generations.submit(request, checked)
    await warn(interaction, generation)


async def _check_and_acknowledge(
    interaction: discord.Interaction, command_input: CommandInput, services: Services
) -> tuple[GenerationRequest, CheckedRequest | None]:
    attachments = {
        name: attachment
        for name, attachment in command_input.attachments.items()
        if attachment is not None
    }
    check_attachments(attachments, command_input.media)
    deadline = deadline_of(interaction)
    requester = requester_of(interaction)
    defaults = await services.preferences.defaults_before(requester.user_id, deadline, requester)
    request = GenerationRequest(
        requester=requester,
        prompt=command_input.prompt,
        workflow=command_input.workflow,
        kinds=command_input.kinds,
        values=given_values(command_input.values),
        images=fetching(attachments),
        aspect=command_input.aspect,
        private=defaults.private if command_input.private is None else command_input.private,
        spoiler=defaults.spoiler if command_input.spoiler is None else command_input.spoiler,
        is_trial=command_input.is_trial,
    )
    request = services.preferences.complete(request, defaults)
    if command_input.enhance:
        await _check_early(services.generations, request, deadline)
        request = enhance_first(request)
    checked = await _check_early(services.generations, request, deadline)
    reply = await open_reply(interaction, defaults, private=request.private)
    return replace(request, reply=reply), checked


async def _check_early(
    service: GenerationService, request: GenerationRequest, deadline: float
) -> CheckedRequest | None:
    """Check the request within the deadline; if that takes too long, acceptance decides."""
    try:
        async with asyncio.timeout_at(deadline):
            return await service.check(request)
    except (TimeoutError, ServiceUnavailable) as error:
        _log.debug("A request could not be checked at once: %s", type(error).__name__)
        return None
