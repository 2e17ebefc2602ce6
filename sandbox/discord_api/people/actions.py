"""Actions of users, checked as Discord's own client does, then sent to the bot."""

from collections.abc import Mapping, Sequence

from sandbox.discord_api.errors import NotPossible
from sandbox.discord_api.files import Files
from sandbox.discord_api.gateway.gateway import Gateway
from sandbox.discord_api.model.broadcast import Broadcast
from sandbox.discord_api.model.commands import (
    CHAT_INPUT,
    MESSAGE_MENU,
    SUB_COMMAND,
    SUB_COMMAND_GROUP,
    Commands,
)
from sandbox.discord_api.model.components import SELECTS, ComponentKind, interactive
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.interactions import Interactions
from sandbox.discord_api.model.messages import Messages
from sandbox.discord_api.model.payloads import Payloads
from sandbox.discord_api.people.option_values import (
    ATTACHMENT,
    CHANNEL,
    MENTIONABLE,
    ROLE,
    SELECTED_TYPES,
    USER,
    VALUE_TYPES,
    checked_value,
    chosen,
    command_data,
    fill_modal_item,
    find_definition,
    flat_values,
    full_name,
)
from sandbox.discord_api.values import (
    Channel,
    Interaction,
    InteractionKind,
    JsonObject,
    Member,
    Message,
    MessageKind,
    Permission,
    Upload,
)


class UserActions:
    """Performs actions of users. Raises NotPossible where a client would not offer them."""

    def __init__(
        self,
        *,
        directory: Directory,
        payloads: Payloads,
        commands: Commands,
        messages: Messages,
        interactions: Interactions,
        files: Files,
        gateway: Gateway,
        broadcast: Broadcast,
    ) -> None:
        self._directory = directory
        self._payloads = payloads
        self._commands = commands
        self._messages = messages
        self._interactions = interactions
        self._files = files
        self._gateway = gateway
        self._broadcast = broadcast

    def command(
        self,
        member: Member,
        channel: Channel,
        command_id: int,
        options: Sequence[JsonObject],
        uploads: Mapping[str, Upload],
    ) -> Interaction:
        """Send a slash command; `uploads` are files by the name of their option."""
        command = self._offered(member, channel, command_id, CHAT_INPUT)
        resolved: JsonObject = {}
        filled = self._fill(command.get("options") or [], options, uploads, channel, resolved)
        interaction = self._interactions.open(
            InteractionKind.COMMAND,
            member,
            channel,
            name=full_name(command["name"], filled),
            message_kind=MessageKind.CHAT_INPUT_COMMAND,
            about={"name": command["name"], "command_type": CHAT_INPUT},
        )
        data = command_data(command) | {"options": filled}
        return self._send(interaction, data | ({"resolved": resolved} if resolved else {}))

    def autocomplete(
        self, member: Member, channel: Channel, command_id: int, options: Sequence[JsonObject]
    ) -> Interaction:
        """Ask for the choices of the option that is `focused`; values may be half typed."""
        command = self._offered(member, channel, command_id, CHAT_INPUT)
        focused = [option for option in flat_values(options) if option.get("focused")]
        if len(focused) != 1:
            raise NotPossible("Exactly one option is focused.")
        definition = find_definition(command.get("options") or [], options)
        if not (definition or {}).get("autocomplete"):
            raise NotPossible("The focused option has no autocomplete.")
        interaction = self._interactions.open(
            InteractionKind.AUTOCOMPLETE, member, channel, name=command["name"]
        )
        return self._send(interaction, command_data(command) | {"options": list(options)})

    def component(
        self, member: Member, message_id: int, custom_id: str, values: Sequence[str] | None
    ) -> Interaction:
        """Press a button or choose from a menu of a message."""
        message = self._visible(member, message_id)
        found = [
            part for part in interactive(message.components) if part.get("custom_id") == custom_id
        ]
        if not found:
            raise NotPossible("That message has no such button or menu.")
        part = found[0]
        if part.get("disabled"):
            raise NotPossible("That button or menu is disabled.")
        data: JsonObject = {
            "component_type": part["type"],
            "custom_id": custom_id,
            "id": part["id"],
        }
        if part["type"] in SELECTS:
            data["values"] = chosen(part, values or ())
            if resolved := self._resolved([part], [data]):
                data["resolved"] = resolved
        channel = self._directory.channels[message.channel_id]
        interaction = self._interactions.open(
            InteractionKind.COMPONENT,
            member,
            channel,
            name=custom_id,
            source=message,
            about={"interacted_message_id": str(message.id)},
        )
        return self._send(interaction, data)

    def modal(
        self, member: Member, interaction_id: int, custom_id: str, fields: Mapping[str, object]
    ) -> Interaction:
        """Send the modal that an interaction opened."""
        opener = self._interactions.get(interaction_id)
        if opener is None or opener.modal is None or opener.member_id != member.id:
            raise NotPossible("No such modal is open.")
        if opener.modal["custom_id"] != custom_id:
            raise NotPossible("The open modal is another one.")
        parts = list(interactive(opener.modal["components"]))
        if set(fields) - {part.get("custom_id") for part in parts}:
            raise NotPossible("The modal has no such field.")
        resolved: JsonObject = {}
        channel = self._directory.channels[opener.channel_id]
        given = dict(fields)
        for part in parts:
            if part["type"] == ComponentKind.FILE_UPLOAD:
                uploads = given.get(part["custom_id"], [])
                given[part["custom_id"]] = [
                    self._attach(upload, channel, resolved)
                    for upload in (uploads if isinstance(uploads, list) else [uploads])
                ]
        filled = [fill_modal_item(item, given) for item in opener.modal["components"]]
        resolved |= self._resolved(parts, list(interactive(filled)))
        source = self._messages.get(opener.source_message_id)
        interaction = self._interactions.open(
            InteractionKind.MODAL,
            member,
            channel,
            name=custom_id,
            message_kind=opener.message_kind,
            source=source,
            about={"triggering_interaction_metadata": opener.metadata},
        )
        data: JsonObject = {"custom_id": custom_id, "components": filled, "resolved": resolved}
        return self._send(interaction, data)

    def context(self, member: Member, command_id: int, message_id: int) -> Interaction:
        """Use a message menu's entry on a message."""
        message = self._visible(member, message_id)
        channel = self._directory.channels[message.channel_id]
        command = self._offered(member, channel, command_id, MESSAGE_MENU)
        interaction = self._interactions.open(
            InteractionKind.COMMAND,
            member,
            channel,
            name=command["name"],
            message_kind=MessageKind.CONTEXT_MENU_COMMAND,
            about={
                "name": command["name"],
                "command_type": MESSAGE_MENU,
                "target_message_id": str(message.id),
            },
        )
        shown = self._payloads.message(message, self._messages.referenced(message))
        data = command_data(command) | {
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): shown}},
        }
        return self._send(interaction, data)

    def say(
        self, member: Member, channel: Channel, content: str, uploads: Sequence[Upload] = ()
    ) -> Message:
        """Write an ordinary message, with files."""
        permissions = self._directory.permissions(member, channel)
        if Permission.SEND_MESSAGES not in permissions:
            raise NotPossible("You cannot write here.")
        message = self._messages.new(channel.id, member)
        parse = frozenset({"users", "roles", "everyone"})
        return self._messages.post(message, {"content": content}, dict(enumerate(uploads)), parse)

    def forge(
        self,
        member: Member,
        channel: Channel,
        kind: InteractionKind,
        data: JsonObject,
        message_id: int | None = None,
    ) -> Interaction:
        """Send an interaction as a modified client could, without any checks."""
        source = None if message_id is None else self._messages.get(message_id)
        name = str(data.get("custom_id", ""))
        interaction = self._interactions.open(kind, member, channel, name=name, source=source)
        return self._send(interaction, data)

    def _send(self, interaction: Interaction, data: JsonObject) -> Interaction:
        payload = self._interactions.payload(interaction, data)
        self._gateway.dispatch("INTERACTION_CREATE", payload)
        self._broadcast.changes.notify()
        return interaction

    def _offered(self, member: Member, channel: Channel, command_id: int, kind: int) -> JsonObject:
        if not self._directory.can_see(member, channel):
            raise NotPossible("You cannot see that channel.")
        found = [entry for entry in self._commands.everything() if entry["id"] == str(command_id)]
        if not found or found[0]["type"] != kind:
            raise NotPossible("There is no such command.")
        obstacle = self._commands.obstacle(found[0], member, channel)
        if obstacle is None and Permission.USE_APPLICATION_COMMANDS not in (
            self._directory.permissions(member, channel)
        ):
            obstacle = "You cannot use commands here."
        if obstacle is not None:
            raise NotPossible(obstacle)
        return found[0]

    def _visible(self, member: Member, message_id: int) -> Message:
        message = self._messages.get(message_id)
        if message is None or not self._broadcast.may_see(member, message):
            raise NotPossible("You see no such message.")
        return message

    def _fill(
        self,
        definitions: Sequence[JsonObject],
        given: Sequence[JsonObject],
        uploads: Mapping[str, Upload],
        channel: Channel,
        resolved: JsonObject,
    ) -> list[JsonObject]:
        """Return the options as the bot gets them, or say which one a client would refuse."""
        by_name = {definition["name"]: definition for definition in definitions}
        if unknown := [entry.get("name") for entry in given if entry.get("name") not in by_name]:
            raise NotPossible(f"This command has no option {unknown[0]}.")
        present = {entry["name"] for entry in given} | (uploads.keys() & by_name.keys())
        for definition in definitions:
            if definition.get("required") and definition["name"] not in present:
                raise NotPossible(f"The option {definition['name']} is required.")
        if definitions and definitions[0]["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP):
            if len(given) != 1:
                raise NotPossible("Choose one sub-command.")
            definition = by_name[given[0]["name"]]
            inner = self._fill(
                definition.get("options") or [],
                given[0].get("options") or [],
                uploads,
                channel,
                resolved,
            )
            return [{"name": definition["name"], "type": definition["type"], "options": inner}]
        values = {entry["name"]: entry.get("value") for entry in given}
        values |= {name: upload for name, upload in uploads.items() if name in by_name}
        return [
            self._fill_option(by_name[name], value, channel, resolved)
            for name, value in values.items()
        ]

    def _fill_option(
        self, definition: JsonObject, value: object, channel: Channel, resolved: JsonObject
    ) -> JsonObject:
        kind = definition["type"]
        if kind == ATTACHMENT:
            value = self._attach(value, channel, resolved)
        elif kind in VALUE_TYPES:
            value = checked_value(definition, value)
        else:
            value = self._resolve(kind, str(value), resolved)
        return {"name": definition["name"], "type": kind, "value": value}

    def _attach(self, upload: object, channel: Channel, resolved: JsonObject) -> str:
        if not isinstance(upload, Upload):
            raise NotPossible("Only a file can be attached here.")
        file = self._files.store(upload, channel.id, is_ephemeral=True)
        attachment = self._files.attachment(file)
        resolved.setdefault("attachments", {})[str(file.id)] = attachment
        return str(file.id)

    def _resolved(self, parts: Sequence[JsonObject], filled: Sequence[JsonObject]) -> JsonObject:
        """Return the people, roles and channels chosen from menus."""
        kinds = {part["custom_id"]: SELECTED_TYPES.get(part["type"]) for part in parts}
        resolved: JsonObject = {}
        for entry in filled:
            kind = kinds.get(entry["custom_id"])
            if kind is not None:
                for value in entry.get("values") or ():
                    self._resolve(kind, value, resolved)
        return resolved

    def _resolve(self, kind: int, value: str, resolved: JsonObject) -> str:
        if (
            kind in (USER, MENTIONABLE)
            and value.isdigit()
            and int(value) in (self._directory.members)
        ):
            member = self._directory.members[int(value)]
            partial = self._payloads.member(member)
            user = partial.pop("user")
            partial["permissions"] = str(int(self._directory.permissions(member)))
            resolved.setdefault("users", {})[value] = user
            resolved.setdefault("members", {})[value] = partial
        elif kind == CHANNEL and value.isdigit() and int(value) in self._directory.channels:
            channel = self._directory.channels[int(value)]
            shown = self._payloads.channel(channel, self._directory.bot)
            resolved.setdefault("channels", {})[value] = shown
        elif (
            kind in (ROLE, MENTIONABLE)
            and value.isdigit()
            and int(value) in (self._directory.roles)
        ):
            role = self._payloads.role(self._directory.roles[int(value)])
            resolved.setdefault("roles", {})[value] = role
        else:
            raise NotPossible(f"There is nothing with the id {value}.")
        return value
