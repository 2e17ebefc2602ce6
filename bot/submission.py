"""The one way from a filled-in command to an accepted generation."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import discord

from bot.address import open_reply
from bot.inputs import fetch_images, given_values
from bot.people import requester_of
from generation.request import GenerationRequest, Value
from generation.service import GenerationService


@dataclass(frozen=True, slots=True)
class Filled:
    """A command as a person filled it in; None stands for what they left out."""

    prompt: str = ""
    workflow: str | None = None
    values: Mapping[str, Value | None] = field(default_factory=dict)
    attachments: Mapping[str, discord.Attachment | None] = field(default_factory=dict)
    aspect: str | None = None
    private: bool = False
    spoiler: bool = False


class Submitter:
    """Hands over to a service; attachments are fetched from these hosts only."""

    def __init__(self, service: GenerationService, attachment_hosts: Collection[str]) -> None:
        self.service = service
        self._attachment_hosts = attachment_hosts

    async def submit(self, interaction: discord.Interaction, filled: Filled) -> None:
        """Acknowledge at once, fetch what was attached, and ask for the generation.

        Raises RequestRefused or ServiceUnavailable, after it was acknowledged.
        """
        reply = await open_reply(interaction, private=filled.private)
        images = await fetch_images(filled.attachments, self._attachment_hosts)
        await self.service.submit(
            GenerationRequest(
                requester=requester_of(interaction),
                prompt=filled.prompt,
                workflow=filled.workflow,
                values=given_values(filled.values),
                images=images,
                aspect=filled.aspect,
                private=filled.private,
                spoiler=filled.spoiler,
                reply=reply,
            )
        )
