"""`/presets`: named sets of `/imagine` options."""

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.commands.choices import complete_lora, complete_model, complete_workflow, in_time
from bot.i18n.language import _
from bot.permissions import guild_of, require_administrator
from bot.replies.inputs import given_flag, given_values
from bot.replies.submission import CommandInput, submit
from bot.requester import requester_of
from bot.ui.options import (
    DESCRIPTIONS,
    LARGEST_INTEGER,
    Aspect,
    Choices,
    matching,
    shown_name,
)
from bot.ui.responses import acknowledge, before_deadline, respond, respond_lines
from bot.ui.text import harmless
from generation.errors import InvalidOption
from generation.people.preferences import (
    MAX_PRESET_NAME_CHARACTERS,
    Preferences,
    Preset,
    preset_owners,
    server_owner,
)
from generation.record import Generation
from generation.request import Requester, Value
from generation.requests.derivations import Derivations
from generation.requests.values import MAX_PROMPT_CHARACTERS

SHOWN_VALUE_CHARACTERS = 80

_KEPT = ("negative", "count", "seed", "model", "lora", "steps", "cfg", "strength")

PresetName = Range[str, 1, MAX_PRESET_NAME_CHARACTERS]


_SAVED = ("workflow", "aspect", *_KEPT, "private", "spoiler")


class PresetsGroup(app_commands.Group, name="presets", description="Save a preset"):
    """`/presets`."""

    def __init__(self, preferences: Preferences, derivations: Derivations) -> None:
        super().__init__()
        self._preferences = preferences
        self._derivations = derivations

    @app_commands.command(description="Save a preset")
    @app_commands.describe(
        name="Its name",
        result="Copy a result's options; yours override them",
        server="Save it for everyone in this server (administrators)",
        **{name: text for name, text in DESCRIPTIONS.items() if name in map(shown_name, _SAVED)},
    )
    @app_commands.autocomplete(workflow=complete_workflow, model=complete_model, lora=complete_lora)
    async def save(
        self,
        interaction: discord.Interaction,
        name: PresetName,
        result: str | None = None,
        workflow: str | None = None,
        negative: Range[str, 1, MAX_PROMPT_CHARACTERS] | None = None,
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
        server: bool = False,  # noqa: FBT001, FBT002 - likewise
    ) -> None:
        await acknowledge(interaction)
        options: dict[str, Value | None] = {
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
        if result is not None:
            requester = requester_of(interaction)
            generation_id = result.partition("·")[0]
            values |= options_of(await self._derivations.find_visible(generation_id, requester))
        values |= given_values(options)
        owner_id = owner_of(interaction, server=server)
        kept = await self._preferences.save_preset(owner_id, name, values)
        text = _("Saved **{name}**: {options}", name=harmless(kept), options=describe(values))
        await respond(interaction, text[:2000])

    @app_commands.command(description="Make pictures with a preset")
    @app_commands.describe(
        name="Which preset",
        prompt=DESCRIPTIONS["prompt"],
        image=DESCRIPTIONS["image"],
        mask=DESCRIPTIONS["mask"],
        seed=DESCRIPTIONS["seed"],
    )
    async def use(
        self,
        interaction: discord.Interaction,
        name: str,
        prompt: Range[str, 1, MAX_PROMPT_CHARACTERS],
        image: discord.Attachment | None = None,
        mask: discord.Attachment | None = None,
        seed: Range[int, 0, LARGEST_INTEGER] | None = None,
    ) -> None:
        preset = await before_deadline(
            interaction, self._preferences.find_preset(requester_of(interaction), name)
        )
        command_input = fill(preset, prompt, {"image": image, "mask": mask}, seed)
        await submit(interaction, command_input)

    @app_commands.command(name="list", description="Show your presets")
    async def list_(self, interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        lines = await preset_lines(self._preferences, requester_of(interaction))
        nothing = _("No presets yet. Save one with /presets save.")
        await respond_lines(interaction, _("Your presets"), lines, nothing=nothing)

    @app_commands.command(description="Delete a preset")
    @app_commands.describe(
        name="Which preset", server="Delete one of the server's (administrators)"
    )
    async def delete(
        self,
        interaction: discord.Interaction,
        name: str,
        server: bool = False,  # noqa: FBT001, FBT002 - discord.py passes options by name
    ) -> None:
        await acknowledge(interaction)
        await self._preferences.delete_preset(owner_of(interaction, server=server), name)
        text = _("Deleted **{name}**.", name=harmless(name))
        await respond(interaction, text)

    @save.autocomplete("name")
    @use.autocomplete("name")
    @delete.autocomplete("name")
    async def complete_name(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer the presets' names."""
        owners = preset_owners(requester_of(interaction))
        found = [await in_time(interaction, self._preferences.presets(one)) or () for one in owners]
        names = dict.fromkeys(name for presets in found for name in presets)
        return matching(((name, name) for name in names), typed)


def owner_of(interaction: discord.Interaction, *, server: bool) -> int:
    """Return whose presets are changed; the server's by administrators. Raises NotPermitted."""
    if not server:
        return interaction.user.id
    require_administrator(interaction)
    guild_id = guild_of(interaction)
    if guild_id is None:
        raise InvalidOption("This isn't a server. Leave {option} out.", {"option": "server"})
    return server_owner(guild_id)


async def preset_lines(preferences: Preferences, requester: Requester) -> list[str]:
    """Format the presets that a person can use, one a line, the server's last."""
    lines = []
    for owner_id in preset_owners(requester):
        presets = await preferences.presets(owner_id)
        if presets and owner_id != requester.user_id:
            lines.append(_("Of this server:"))
        lines += [f"**{harmless(name)}** {describe(values)}" for name, values in presets.items()]
    return lines


def options_of(generation: Generation) -> dict[str, Value]:
    """Return a generation's values for options of `/imagine`, without the seed."""
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
    """Return the `/imagine` input of a preset."""
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
        private=given_flag(preset.get("private")),
        spoiler=given_flag(preset.get("spoiler")),
    )


def describe(values: Preset) -> str:
    """Format the options in one line."""
    return " · ".join(
        f"{shown_name(name)} {harmless(str(value), SHOWN_VALUE_CHARACTERS)}"
        for name, value in values.items()
    )
