"""`/imagine`: generate pictures from a prompt and optional attachments."""

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.commands.choices import access_of, complete_lora, complete_model
from bot.replies.submission import CommandInput, submit
from bot.requester import requester_of
from bot.services import services_of
from bot.ui.options import (
    DESCRIPTIONS,
    LARGEST_INTEGER,
    Aspect,
    Choices,
    matching,
)
from generation.requests.values import MAX_PROMPT_CHARACTERS


@app_commands.command(name="imagine", description="Make pictures from a prompt")
@app_commands.describe(**DESCRIPTIONS)
@app_commands.autocomplete(model=complete_model, lora=complete_lora)
async def imagine_command(
    interaction: discord.Interaction,
    prompt: Range[str, 1, MAX_PROMPT_CHARACTERS],
    workflow: str | None = None,
    image: discord.Attachment | None = None,
    negative: Range[str, 1, MAX_PROMPT_CHARACTERS] | None = None,
    aspect: Aspect | None = None,
    count: Range[int, 1, 4] | None = None,
    seed: Range[int, 0, LARGEST_INTEGER] | None = None,
    model: str | None = None,
    lora: str | None = None,
    steps: Range[int, 1, 150] | None = None,
    guidance: Range[float, 0.0, 30.0] | None = None,
    strength: Range[float, 0.0, 1.0] | None = None,
    mask: discord.Attachment | None = None,
    image_2: discord.Attachment | None = None,
    image_3: discord.Attachment | None = None,
    private: bool | None = None,  # noqa: FBT001 - discord.py passes options by name
    spoiler: bool | None = None,  # noqa: FBT001 - likewise
    enhance: bool = False,  # noqa: FBT001, FBT002 - likewise
) -> None:
    values = {
        "negative": negative,
        "count": count,
        "seed": seed,
        "model": model,
        "lora": lora,
        "steps": steps,
        "cfg": guidance,
        "strength": strength,
    }
    attachments = {"image": image, "mask": mask, "image_2": image_2, "image_3": image_3}
    command_input = CommandInput(
        prompt, workflow, values, attachments, aspect, private, spoiler, enhance=enhance
    )
    await submit(interaction, command_input)


@imagine_command.autocomplete("workflow")
async def complete_workflow(interaction: discord.Interaction, typed: str) -> Choices:
    """Offer the workflows that this person may use here and some backend can run."""
    library, requester = services_of(interaction).library, requester_of(interaction)
    offered = library.offered_to(requester, await access_of(interaction))
    labels = ((f"{workflow.title} ({workflow.name})", workflow.name) for workflow in offered)
    return matching(labels, typed)
