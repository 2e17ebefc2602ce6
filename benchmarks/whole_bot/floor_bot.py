"""A minimal bot: defer, POST, follow `/ws`, edit every two seconds, post the picture.

No database, no queue, no limits, no errors. `python -m benchmarks.whole_bot.floor_bot API_BASE
GATEWAY_URL STEPS`; DISCORD_TOKEN and COMFYUI_URLS come from the environment, as for Limner.
"""

import asyncio
import io
import itertools
import os
import sys
import uuid

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from benchmarks.clients.floor import FloorClient
from benchmarks.run import build_graph

EDIT_S = 2.0


class FloorBot(discord.Client):
    """Serves /imagine; with several backends, each takes its turn."""

    def __init__(self, urls: list[str], steps: int) -> None:
        super().__init__(intents=discord.Intents(guilds=True), max_messages=None)
        self._backends = [FloorClient(url) for url in urls]
        self._turns = itertools.cycle(self._backends)
        self._steps = steps
        self._tree = app_commands.CommandTree(self)

        @self._tree.command(description="Make a picture")
        async def imagine(interaction: discord.Interaction, prompt: str) -> None:
            await interaction.response.defer()
            await self._make(interaction, prompt)

    async def setup_hook(self) -> None:
        """Connect to the backends and announce the command."""
        for backend in self._backends:
            await backend.open()
        await self._tree.sync()

    async def _make(self, interaction: discord.Interaction, prompt: str) -> None:
        backend, prompt_id, shown = next(self._turns), str(uuid.uuid4()), 0
        run = asyncio.create_task(backend.make(prompt_id, build_graph(prompt, self._steps)))
        while not (await asyncio.wait({run}, timeout=EDIT_S))[0]:
            step = backend.steps(prompt_id)
            if step != shown:
                shown = step
                await interaction.edit_original_response(content=f"Step {step}")
        picture = discord.File(io.BytesIO(run.result()), "picture.png")
        await interaction.edit_original_response(content=prompt, attachments=[picture])


def main() -> None:
    """Run until stopped."""
    Route.BASE, gateway_url, steps = sys.argv[1:]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    bot = FloorBot(os.environ["COMFYUI_URLS"].split(","), int(steps))
    asyncio.run(bot.start(os.environ["DISCORD_TOKEN"]))


if __name__ == "__main__":
    main()
