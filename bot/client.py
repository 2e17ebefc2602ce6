"""The connection to Discord: intents, commands and closing, without features."""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import monotonic
from typing import Any, NoReturn

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.command_sync import sync_commands
from bot.commands.registration import add_commands
from bot.commands.workflow_commands import WorkflowCommands
from bot.network import NETWORK_ERRORS, growing_pauses, trace_responses
from bot.onboarding import greet
from bot.services import Services
from bot.settings import ShardSettings
from bot.tree import CommandTree
from bot.ui.components import PersistentItem
from bot.ui.modals import answer_modal
from generation.errors import ServiceUnavailable

SYNC_AGAIN_S = 60.0
"""Seconds between two attempts to sync changed commands."""

STEADY_S = 60.0
"""Seconds after which a connection counts as stable and the reconnect back-off is reset."""

LEAVE_S = 1.0
"""Seconds to wait for the gateway's close frame; discord.py itself waits 30."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DiscordAddress:
    """Address of the stand-in Discord that the demo and the tests use."""

    api_base: str
    gateway_url: str


class LimnerClient(discord.AutoShardedClient):
    """The gateway client; `serve` binds it to the services.

    Without an `address` it connects to Discord itself. `guild_ids` restrict the bot to these guilds
    and sync their commands at once; without any, commands are global. Without `shards` it connects
    as many as Discord recommends. `note_status` is called with the status of each response.
    """

    def __init__(
        self,
        *,
        address: DiscordAddress | None = None,
        guild_ids: Collection[int] = (),
        shards: ShardSettings | None = None,
        note_status: Callable[[int], None] = lambda _: None,
    ) -> None:
        # Limner uses no voice, so the warning about missing voice support would mislead.
        discord.VoiceClient.warn_nacl = False
        discord.VoiceClient.warn_dave = False
        super().__init__(
            shard_ids=list(shards.ids) if shards else None,  # type: ignore[arg-type] # None: all
            shard_count=shards.count if shards else None,
            # The guilds intent is enough: interactions carry everything else that is needed.
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            http_trace=trace_responses(note_status),
        )
        if address is not None:
            # discord.py keeps these two addresses for the whole process.
            Route.BASE = address.api_base
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(address.gateway_url)
        self.served_guilds = frozenset(guild_ids)
        self.tree = CommandTree(self)
        self._guilds = tuple(discord.Object(guild_id) for guild_id in self.served_guilds)
        self._services: Services | None = None
        self._workflow_commands: WorkflowCommands | None = None
        self._is_out_of_date = asyncio.Event()
        self._connecting: asyncio.Task[Any] | None = None

    @property
    def services(self) -> Services:
        """The services that commands and buttons use."""
        if self._services is None:
            raise RuntimeError("The client has no services yet.")
        return self._services

    def serve(self, services: Services) -> None:
        """Bind commands, buttons and modals to these services."""
        self._services = services
        add_commands(self.tree, services, self._guilds)
        self._workflow_commands = WorkflowCommands(self.tree, services, self._guilds)
        self._workflow_commands.refresh()
        self.add_dynamic_items(*PersistentItem.__subclasses__())

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay connected until the client is closed.

        Starts a new session after any error that ends discord.py's own reconnecting, such as a
        frame that cannot be decoded: resuming the session would replay the same frame. Raises
        ConnectionClosed and PrivilegedIntentsRequired, which no retry can repair.
        """
        self._connecting = asyncio.current_task()
        pauses = growing_pauses()
        while True:
            began_at = monotonic()
            try:
                return await super().connect(reconnect=reconnect)
            except (discord.ConnectionClosed, discord.PrivilegedIntentsRequired):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, a new session may work
                if monotonic() - began_at > STEADY_S:
                    pauses = growing_pauses()
                pause_s = next(pauses)
                name = type(error).__name__
                _log.warning(
                    "The connection to Discord broke (%s). A new one follows in %g s.",
                    name,
                    pause_s,
                    exc_info=_log.isEnabledFor(logging.DEBUG),
                )
                await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Close the client for good.

        discord.py also calls this after an unexpected connection error. Only the gateway is closed
        then, because replies in progress still need the HTTP session.
        """
        if asyncio.current_task() is self._connecting:
            await self.leave()
        else:
            await super().close()

    async def leave(self) -> None:
        """Disconnect from the gateway; pending interactions can still be answered over REST.

        A gateway that does not confirm the close in time is abandoned.
        """
        leaving = asyncio.gather(*(shard.disconnect() for shard in self.shards.values()))
        try:
            async with asyncio.timeout(LEAVE_S):
                await leaving
        except (TimeoutError, *NETWORK_ERRORS) as error:
            _log.debug("The gateway did not confirm the end: %s", type(error).__name__)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Handle a submitted modal; discord.py dispatches all other interactions itself."""
        if interaction.type is discord.InteractionType.modal_submit:
            await answer_modal(interaction)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Post a greeting in a server that invited the bot, if it is served."""
        if not self.served_guilds or guild.id in self.served_guilds:
            try:
                await self.services.retention.begin(guild.id)
            except ServiceUnavailable as error:
                _log.warning("Guild %s keeps everything: %s", guild.id, error.__cause__)
            await greet(guild, self.tree)

    def refresh_commands(self) -> None:
        """Rebuild the workflow commands after a library change; `keep_synced` registers them."""
        if self._workflow_commands is not None and self._workflow_commands.refresh():
            self._is_out_of_date.set()

    def sync_later(self) -> None:
        """Request a sync by `keep_synced`."""
        self._is_out_of_date.set()

    async def sync_commands(self) -> None:
        """Register commands that differ from Discord's: creations are limited per day."""
        # Global commands of an earlier start would show up a second time beside a guild's own.
        for guild in (None, *self._guilds):
            try:
                self.tree.command_ids.update(await sync_commands(self, self.tree, guild))
            except discord.Forbidden:
                if guild is None:
                    raise
                _log.warning("Guild %s has not invited the bot with its commands.", guild.id)

    async def keep_synced(self, *, again_s: float = SYNC_AGAIN_S) -> NoReturn:
        """Sync whenever commands have changed, until cancelled; failed attempts are repeated."""
        while True:
            await self._is_out_of_date.wait()
            self._is_out_of_date.clear()
            try:
                await self.sync_commands()
            except (discord.DiscordException, *NETWORK_ERRORS) as error:
                _log.warning("Discord did not take the changed commands yet: %s", error)
                self._is_out_of_date.set()
                await asyncio.sleep(again_s)
