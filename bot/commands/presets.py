"""`/presets`: named sets of `/imagine` options."""

import asyncio
import logging
import time

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.i18n.language import _
from bot.replies.submission import CommandInput, Submitter
from bot.requester import requester_of
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS
from bot.ui.options import (
    CHOICES_TIMEOUT_S,
    DESCRIPTIONS,
    LARGEST_INTEGER,
    PROMPT_CHARACTERS,
    Aspect,
    Choices,
    matching,
    shown_name,
)
from bot.ui.responses import acknowledge, before_deadline, respond
from bot.ui.text import harmless, lines_within
from generation.errors import GenerationError
from generation.people.preferences import MAX_PRESET_NAME_CHARACTERS, Preferences, Preset
from generation.record import Generation
from generation.request import Value
from generation.requests.derivations import Derivations

SHOWN_VALUE_CHARACTERS = 80

_KEPT = ("negative", "count", "seed", "model", "lora", "steps", "cfg", "strength")

PresetName = Range[str, 1, MAX_PRESET_NAME_CHARACTERS]

_log = logging.getLogger(__name__)


def presets_group(
    submitter: Submitter, preferences: Preferences, derivations: Derivations
) -> app_commands.Group:
    """Build `/presets` with its services."""
    group = app_commands.Group(name="presets", description="Keep options under a name")
    service = submitter.service

    async def complete_name(interaction: discord.Interaction, typed: str) -> Choices:
        try:
            async with asyncio.timeout(CHOICES_TIMEOUT_S):
                names = await preferences.presets(interaction.user.id)
        except (TimeoutError, GenerationError) as error:
            _log.warning("No presets to choose from just now: %s", error or "the records are slow")
            return []
        return matching(((name, name) for name in names), typed)

    @group.command(description="Keep options under a name")
    @app_commands.describe(
        name="How you want to call it",
        generation="Take the options of this result; those you give as well come first",
        **{name: text for name, text in DESCRIPTIONS.items() if name in map(shown_name, _SAVED)},
    )
    async def save(
        interaction: discord.Interaction,
        name: PresetName,
        generation: str | None = None,
        workflow: str | None = None,
        negative: Range[str, 1, PROMPT_CHARACTERS] | None = None,
        aspect: Aspect | None = None,
        count: Range[int, 1, 4] | None = None,
        seed: Range[int, 0, LARGEST_INTEGER] | None = None,
        model: str | None = None,
        lora: str | None = None,
        steps: Range[int, 1, 150] | None = None,
        guidance: Range[float, 0.0, 30.0] | None = None,
        strength: Range[float, 0.0, 1.0] | None = None,
        private: bool | None = None,  # noqa: FBT001 - discord.py passes options by name
        spoiler: bool | None = None,  # noqa: FBT001 - likewise
    ) -> None:
        await acknowledge(interaction)
        given: dict[str, Value | None] = {
            "workflow": workflow,
            "negative": negative,
            "aspect": aspect,
            "count": count,
            "seed": seed,
            "model": model,
            "lora": lora,
            "steps": steps,
            "cfg": guidance,
            "strength": strength,
            "private": private,
            "spoiler": spoiler,
        }
        values: dict[str, Value] = {}
        if generation is not None:
            requester = requester_of(interaction)
            generation_id = generation.partition("·")[0]
            values |= options_of(await derivations.find_visible(generation_id, requester))
        values |= {option: value for option, value in given.items() if value is not None}
        kept = await preferences.save_preset(interaction.user.id, name, values)
        text = _("Kept as **{name}**: {options}", name=harmless(kept), options=describe(values))
        await respond(interaction, text[:2000])

    @group.command(description="Make pictures with the options of a preset")
    @app_commands.describe(
        name="Which preset",
        prompt=DESCRIPTIONS["prompt"],
        image=DESCRIPTIONS["image"],
        mask=DESCRIPTIONS["mask"],
        seed=DESCRIPTIONS["seed"],
    )
    async def use(
        interaction: discord.Interaction,
        name: str,
        prompt: Range[str, 1, PROMPT_CHARACTERS],
        image: discord.Attachment | None = None,
        mask: discord.Attachment | None = None,
        seed: Range[int, 0, LARGEST_INTEGER] | None = None,
    ) -> None:
        began = time.monotonic()
        preset = await before_deadline(preferences.find_preset(interaction.user.id, name))
        command_input = fill(preset, prompt, {"image": image, "mask": mask}, seed)
        await submitter.submit(interaction, command_input, spent_s=time.monotonic() - began)

    @group.command(name="list", description="See your presets")
    async def list_(interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        presets = await preferences.presets(interaction.user.id)
        lines = [f"**{harmless(name)}** {describe(values)}" for name, values in presets.items()]
        nothing = _("You have none yet. Keep options with /presets save.")
        embed = discord.Embed(
            title=_("Your presets"),
            description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS) or nothing,
            colour=discord.Colour.blurple(),
        )
        await respond(interaction, embeds=[embed])

    @group.command(description="Forget a preset")
    @app_commands.describe(name="Which preset")
    async def delete(interaction: discord.Interaction, name: str) -> None:
        await acknowledge(interaction)
        await preferences.delete_preset(interaction.user.id, name)
        text = _("**{name}** is forgotten.", name=harmless(name))
        await respond(interaction, text)

    @save.autocomplete("workflow")
    async def complete_workflow(interaction: discord.Interaction, typed: str) -> Choices:
        usable = service.workflows(requester_of(interaction))
        return matching(((summary.title, summary.name) for summary in usable), typed)

    @save.autocomplete("model")
    async def complete_model(interaction: discord.Interaction, typed: str) -> Choices:
        chosen = getattr(interaction.namespace, "workflow", None) or None
        return matching(
            ((model, model) for model in service.models(chosen, requester_of(interaction))), typed
        )

    @save.autocomplete("lora")
    async def complete_lora(interaction: discord.Interaction, typed: str) -> Choices:
        chosen = getattr(interaction.namespace, "workflow", None) or None
        return matching(
            ((lora, lora) for lora in service.loras(chosen, requester_of(interaction))), typed
        )

    save.autocomplete("name")(complete_name)
    use.autocomplete("name")(complete_name)
    delete.autocomplete("name")(complete_name)
    return group


_SAVED = ("workflow", "aspect", *_KEPT, "private", "spoiler")


def options_of(generation: Generation) -> dict[str, Value]:
    """The values of a generation that `/imagine` has options for, without the seed."""
    values: dict[str, Value] = {"workflow": generation.workflow}
    for name in (*_KEPT, "size"):
        value = generation.values.get(name)
        if name != "seed" and value not in (None, ""):
            values[name] = value
    return values


def fill(
    preset: Preset,
    prompt: str,
    attachments: dict[str, discord.Attachment | None],
    seed: int | None,
) -> CommandInput:
    """The `/imagine` input of a preset."""
    values: dict[str, Value | None] = {
        name: value for name, value in preset.items() if name in (*_KEPT, "size")
    }
    if seed is not None:
        values["seed"] = seed
    aspect, workflow = preset.get("aspect"), preset.get("workflow")
    return CommandInput(
        prompt=prompt,
        workflow=None if workflow is None else str(workflow),
        values=values,
        attachments=attachments,
        aspect=None if aspect is None else str(aspect),
        private=_flag(preset.get("private")),
        spoiler=_flag(preset.get("spoiler")),
    )


def describe(values: Preset) -> str:
    """Format the options in one line."""
    return " · ".join(
        f"{shown_name(name)} {harmless(str(value), SHOWN_VALUE_CHARACTERS)}"
        for name, value in values.items()
    )


def _flag(value: Value | None) -> bool | None:
    return value if isinstance(value, bool) else None
