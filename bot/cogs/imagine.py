"""`/imagine`: a prompt, perhaps a picture, and pictures come back."""

from collections.abc import Collection, Iterable
from typing import Literal

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.address import open_reply
from bot.inputs import fetch_images, given_values
from bot.people import requester_of
from bot.tree import SlashCommand
from generation.request import GenerationRequest
from generation.service import GenerationService

PROMPT_CHARACTERS = 2000
CHOICES = 25
CHOICE_CHARACTERS = 100
LARGEST_INTEGER = 2**53 - 1
"""The largest that every JSON program keeps exactly, Discord's clients among them."""

Aspect = Literal["1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16", "21:9"]
Choices = list[app_commands.Choice[str]]


def imagine_command(service: GenerationService, attachment_hosts: Collection[str]) -> SlashCommand:
    """The command, bound to a service; attachments are fetched from these hosts only."""

    @app_commands.command(description="Make pictures from a prompt")
    @app_commands.describe(
        prompt="What the picture shows",
        workflow="How it is made; without it, one that fits is taken",
        image="A picture to start from (PNG, JPEG or WebP)",
        negative="What the picture should not show",
        aspect="Width to height",
        count="How many pictures",
        seed="The same seed with the same options makes the same picture",
        model="The AI model",
        lora="A style or subject on top of the model",
        steps="More steps take longer and are finer",
        cfg="How closely to follow the prompt",
        strength="How far to leave the given picture behind: 0 keeps it, 1 forgets it",
        mask="White where the picture is to be painted anew",
        private="Only you see it",
        spoiler="Hide the pictures behind a click",
    )
    async def imagine(
        interaction: discord.Interaction,
        prompt: Range[str, 1, PROMPT_CHARACTERS],
        workflow: str | None = None,
        image: discord.Attachment | None = None,
        negative: Range[str, 1, PROMPT_CHARACTERS] | None = None,
        aspect: Aspect | None = None,
        count: Range[int, 1, 4] | None = None,
        seed: Range[int, 0, LARGEST_INTEGER] | None = None,
        model: str | None = None,
        lora: str | None = None,
        steps: Range[int, 1, 150] | None = None,
        cfg: Range[float, 0.0, 30.0] | None = None,
        strength: Range[float, 0.0, 1.0] | None = None,
        mask: discord.Attachment | None = None,
        private: bool = False,  # noqa: FBT001, FBT002 - the library calls it by name
        spoiler: bool = False,  # noqa: FBT001, FBT002 - likewise
    ) -> None:
        reply = await open_reply(interaction, private=private)
        images = await fetch_images({"image": image, "mask": mask}, attachment_hosts)
        options = {
            "negative": negative,
            "count": count,
            "seed": seed,
            "model": model,
            "lora": lora,
            "steps": steps,
            "cfg": cfg,
            "strength": strength,
        }
        await service.submit(
            GenerationRequest(
                requester=requester_of(interaction),
                prompt=prompt,
                workflow=workflow,
                values=given_values(options),
                images=images,
                aspect=aspect,
                private=private,
                spoiler=spoiler,
                reply=reply,
            )
        )

    @imagine.autocomplete("workflow")
    async def complete_workflow(_interaction: discord.Interaction, typed: str) -> Choices:
        found = ((f"{one.title} ({one.name})", one.name) for one in service.workflows())
        return matching(found, typed)

    @imagine.autocomplete("model")
    async def complete_model(interaction: discord.Interaction, typed: str) -> Choices:
        return matching(((n, n) for n in service.models(_chosen_workflow(interaction))), typed)

    @imagine.autocomplete("lora")
    async def complete_lora(interaction: discord.Interaction, typed: str) -> Choices:
        return matching(((n, n) for n in service.loras(_chosen_workflow(interaction))), typed)

    return imagine


def matching(named: Iterable[tuple[str, str]], typed: str) -> Choices:
    """At most 25 (label, value) pairs that fit what was typed, those that begin with it first.

    A value that is too long for Discord is left out: a shortened one would name nothing.
    """
    wanted = typed.strip().casefold()
    found = [
        (label, value)
        for label, value in named
        if len(value) <= CHOICE_CHARACTERS
        and (wanted in label.casefold() or wanted in value.casefold())
    ]
    found.sort(key=lambda pair: not pair[1].casefold().startswith(wanted))
    return [
        app_commands.Choice(name=label[:CHOICE_CHARACTERS], value=value)
        for label, value in found[:CHOICES]
    ]


def _chosen_workflow(interaction: discord.Interaction) -> str | None:
    """The other option as far as it is filled in: free text."""
    chosen = getattr(interaction.namespace, "workflow", None)
    return chosen or None
