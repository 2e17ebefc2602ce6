"""The REST routes of the account, the guild and the commands."""

from sandbox.discord_api.errors import ApiError, Refusal
from sandbox.discord_api.gateway.gateway import Gateway
from sandbox.discord_api.model.broadcast import Broadcast
from sandbox.discord_api.model.commands import Commands, without_localizations
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.payloads import Payloads
from sandbox.discord_api.rest.router import NOTHING, Answer, Call, Route


class AccountRoutes:
    """The bot's user and the gateway's address."""

    def __init__(self, directory: Directory, payloads: Payloads, gateway: Gateway) -> None:
        self._directory = directory
        self._payloads = payloads
        self._gateway = gateway

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("GET", "/users/@me", lambda _: Answer(self._payloads.own_user())),
            Route("GET", "/users/{user_id}", self._user),
            Route("POST", "/users/@me/channels", self._open_direct),
            Route("GET", "/applications/@me", lambda _: Answer(self._payloads.application())),
            Route(
                "GET", "/oauth2/applications/@me", lambda _: Answer(self._payloads.application())
            ),
            Route("GET", "/gateway", self._where, needs_token=False),
            Route("GET", "/gateway/bot", self._where_for_bots),
        ]

    def _user(self, call: Call) -> Answer:
        member = self._directory.members.get(call.number("user_id"))
        if member is None:
            raise ApiError.of(Refusal.UNKNOWN_USER)
        return Answer(self._payloads.user(member))

    def _open_direct(self, call: Call) -> Answer:
        recipient = str(call.fields().get("recipient_id", ""))
        member = self._directory.members.get(int(recipient) if recipient.isdigit() else 0)
        if member is None or member.is_bot:
            raise ApiError.of(Refusal.UNKNOWN_USER)
        return Answer(self._payloads.channel(self._directory.direct_channel(member)))

    def _where(self, _: Call) -> Answer:
        return Answer({"url": self._gateway.url})

    def _where_for_bots(self, _: Call) -> Answer:
        left = max(1000 - self._gateway.identify_count, 0)
        start = {"total": 1000, "remaining": left, "reset_after": 14400000, "max_concurrency": 1}
        shards = self._gateway.recommended_shards
        return Answer({"url": self._gateway.url, "shards": shards, "session_start_limit": start})


class GuildRoutes:
    """The guild, its members, roles and channels."""

    def __init__(self, directory: Directory, payloads: Payloads) -> None:
        self._directory = directory
        self._payloads = payloads

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("GET", "/guilds/{guild_id}", self._guild),
            Route("GET", "/guilds/{guild_id}/roles", self._roles),
            Route("GET", "/guilds/{guild_id}/channels", self._channels),
            Route("GET", "/guilds/{guild_id}/members/{user_id}", self._member),
        ]

    def _guild(self, call: Call) -> Answer:
        self._check(call)
        counts = {"approximate_member_count": 5, "approximate_presence_count": 5}
        with_counts = call.query.get("with_counts") in ("1", "true")
        return Answer(self._payloads.guild() | (counts if with_counts else {}))

    def _roles(self, call: Call) -> Answer:
        self._check(call)
        return Answer([self._payloads.role(role) for role in self._directory.roles.values()])

    def _channels(self, call: Call) -> Answer:
        self._check(call)
        return Answer(
            [self._payloads.channel(channel) for channel in self._directory.guild_channels()]
        )

    def _member(self, call: Call) -> Answer:
        self._check(call)
        member = self._directory.members.get(call.number("user_id"))
        if member is None:
            raise ApiError.of(Refusal.UNKNOWN_MEMBER)
        return Answer(self._payloads.member(member))

    def _check(self, call: Call) -> None:
        if call.number("guild_id") != self._directory.guild_id:
            raise ApiError.of(Refusal.UNKNOWN_GUILD)


class CommandRoutes:
    """Registering application commands, globally and for the guild."""

    def __init__(self, directory: Directory, commands: Commands, broadcast: Broadcast) -> None:
        self._directory = directory
        self._commands = commands
        self._broadcast = broadcast

    def routes(self) -> list[Route]:
        """Return the routes."""
        found = []
        for scope in ("", "/guilds/{guild_id}"):
            every = f"/applications/{{application_id}}{scope}/commands"
            single = f"{every}/{{command_id}}"
            found += [
                Route("GET", every, self._all),
                Route("PUT", every, self._overwrite),
                Route("POST", every, self._upsert),
                Route("GET", single, self._one),
                Route("PATCH", single, self._change),
                Route("DELETE", single, self._remove),
            ]
        return found

    def announce(self) -> None:
        """Send every person's client the commands that it offers now."""
        self._broadcast.tell_all(
            lambda member: {"type": "commands", "commands": self._commands.offered(member)}
        )

    def _all(self, call: Call) -> Answer:
        listed = self._commands.listed(self._scope(call))
        wanted = call.query.get("with_localizations", "").lower() in ("true", "1")
        return Answer(listed if wanted else [without_localizations(command) for command in listed])

    def _overwrite(self, call: Call) -> Answer:
        listed = self._commands.overwrite(self._scope(call), call.body)
        self.announce()
        return Answer(listed)

    def _upsert(self, call: Call) -> Answer:
        command, is_new = self._commands.upsert(self._scope(call), call.body)
        self.announce()
        return Answer(command, 201 if is_new else 200)

    def _one(self, call: Call) -> Answer:
        return Answer(self._commands.find(self._scope(call), call.number("command_id")))

    def _change(self, call: Call) -> Answer:
        scope, command_id = self._scope(call), call.number("command_id")
        command = self._commands.change(scope, command_id, call.fields())
        self.announce()
        return Answer(command)

    def _remove(self, call: Call) -> Answer:
        self._commands.remove(self._scope(call), call.number("command_id"))
        self.announce()
        return NOTHING

    def _scope(self, call: Call) -> int | None:
        if call.number("application_id") != self._directory.application_id:
            raise ApiError.of(Refusal.UNKNOWN_APPLICATION)
        if "guild_id" not in call.path:
            return None
        if call.number("guild_id") != self._directory.guild_id:
            raise ApiError.of(Refusal.MISSING_ACCESS)
        return self._directory.guild_id
