"""Users of the stand-in Discord, for tests and scripts in the same process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from sandbox.discord_api.errors import NotPossible
from sandbox.discord_api.model.commands import (
    CHAT_INPUT,
    MESSAGE_MENU,
    SUB_COMMAND,
    SUB_COMMAND_GROUP,
)
from sandbox.discord_api.model.components import SELECTS, ComponentKind, interactive, walk
from sandbox.discord_api.people.option_values import ATTACHMENT
from sandbox.discord_api.server import DiscordStandIn
from sandbox.discord_api.values import (
    Channel,
    Interaction,
    InteractionKind,
    JsonObject,
    Member,
    MessageFlag,
    Upload,
)

File: TypeAlias = Path | bytes | Upload
OptionValue: TypeAlias = str | int | float | bool | File | Member | None

PATIENCE_SECONDS: Final = 10.0
"""Default timeout of `wait_for` in seconds."""


@dataclass(frozen=True, slots=True)
class Modal:
    """A modal opened for a person."""

    interaction_id: int
    custom_id: str
    title: str
    components: tuple[JsonObject, ...]


class Reply:
    """Response to an action; its properties always show the current state."""

    def __init__(self, world: DiscordStandIn, interaction: Interaction) -> None:
        self._world = world
        self._interaction = interaction

    @property
    def interaction_id(self) -> int:
        """The interaction's id."""
        return self._interaction.id

    @property
    def failure(self) -> str | None:
        """The client's text when the bot did not respond in time."""
        for failed in self._world.failed_interactions:
            if failed.interaction_id == self._interaction.id:
                return failed.sentence
        return None

    @property
    def message(self) -> JsonObject | None:
        """The first answer's message as it is now; None when there is none or it is deleted."""
        messages = self._world.messages
        message = messages.get(self._interaction.original_message_id)
        if message is None:
            return None
        return self._world.broadcast.view_of(message, messages.referenced(message))

    @property
    def is_thinking(self) -> bool:
        """Whether the message only says that the bot is thinking."""
        message = self.message
        return message is not None and bool(message["flags"] & MessageFlag.LOADING)

    @property
    def modal(self) -> Modal | None:
        """The modal the bot opened."""
        modal = self._interaction.modal
        if modal is None:
            return None
        components = tuple(modal["components"])
        return Modal(self._interaction.id, modal["custom_id"], modal["title"], components)

    async def until(
        self, predicate: Callable[[JsonObject], bool], timeout: float = PATIENCE_SECONDS
    ) -> JsonObject:
        """Wait until the message satisfies the predicate, and return it."""

        def look() -> JsonObject | None:
            message = self.message
            return message if message is not None and predicate(message) else None

        found = await self._world.wait_for(look, timeout)
        if found is None:  # `wait_for` returns only what is truthy
            raise AssertionError
        return found


class Person:
    """A member, acting as through Discord's client; what it refuses raises `NotPossible`."""

    def __init__(self, world: DiscordStandIn, who: str | int) -> None:
        self._world = world
        self.member = world.member(who)

    @property
    def id(self) -> int:
        """The person's user id."""
        return self.member.id

    async def slash(
        self, channel: str | int | Channel, name: str, /, **options: OptionValue
    ) -> Reply:
        """Send a slash command (`"mod history"` for a sub-command) and await its first answer.

        Files may be given as a path or as bytes; options that are None are left out.
        """
        command, path, definitions = self._command(name)
        uploads, values = {}, []
        for option, value in options.items():
            if value is None:
                continue
            definition = definitions.get(option)
            if definition is None:
                raise NotPossible(f"This command has no option {option}.")
            if definition["type"] == ATTACHMENT:
                uploads[option] = _upload(option, value)
            else:
                plain = str(value.id) if isinstance(value, Member) else value
                values.append({"name": option, "type": definition["type"], "value": plain})
        interaction = self._world.actions.command(
            self.member, self._channel(channel), int(command["id"]), _nested(path, values), uploads
        )
        return await self._answered(interaction)

    async def autocomplete(
        self,
        channel: str | int | Channel,
        name: str,
        option: str,
        typed: str = "",
        /,
        **others: str | float | bool,
    ) -> list[JsonObject]:
        """Return the choices for what is typed into an option; `TimeoutError` when none come."""
        command, path, definitions = self._command(name)
        if option not in definitions:
            raise NotPossible(f"This command has no option {option}.")
        values: list[JsonObject] = [
            {"name": other, "type": definitions[other]["type"], "value": value}
            for other, value in others.items()
        ]
        focused = {"name": option, "type": definitions[option]["type"], "value": typed}
        values.append({**focused, "focused": True})
        interaction = self._world.actions.autocomplete(
            self.member, self._channel(channel), int(command["id"]), _nested(path, values)
        )
        reply = await self._answered(interaction)
        if interaction.choices is None:
            raise TimeoutError(reply.failure)
        return list(interaction.choices)

    async def click(self, message: JsonObject, label: str) -> Reply:
        """Press the button with this label (or custom id) and await the first answer."""
        part = _find_part(message, label, ComponentKind.BUTTON)
        interaction = self._world.actions.component(
            self.member, int(message["id"]), part["custom_id"], None
        )
        return await self._answered(interaction)

    async def choose(self, message: JsonObject, custom_id: str, *entries: str) -> Reply:
        """Choose entries of a menu, by label or value, and await the first answer."""
        part = _find_part(message, custom_id, *SELECTS)
        values = {option["label"]: option["value"] for option in part.get("options", ())}
        chosen = [values.get(entry, entry) for entry in entries]
        interaction = self._world.actions.component(
            self.member, int(message["id"]), part["custom_id"], chosen
        )
        return await self._answered(interaction)

    async def fill(self, modal: Modal, fields: Mapping[str, object]) -> Reply:
        """Send a modal, its fields by custom id, and await the first answer."""
        interaction = self._world.actions.modal(
            self.member, modal.interaction_id, modal.custom_id, fields
        )
        return await self._answered(interaction)

    async def forge_modal(
        self,
        channel: str | int | Channel,
        custom_id: str,
        fields: Mapping[str, object],
        message: JsonObject | None = None,
    ) -> Reply:
        """Send a modal that the bot never opened; lists are what was chosen from menus."""
        parts = [
            {"custom_id": name, "values" if isinstance(value, list) else "value": value}
            for name, value in fields.items()
        ]
        data: JsonObject = {
            "custom_id": custom_id,
            "components": [{"type": ComponentKind.LABEL, "component": part} for part in parts],
        }
        message_id = None if message is None else int(message["id"])
        interaction = self._world.actions.forge(
            self.member, self._channel(channel), InteractionKind.MODAL, data, message_id
        )
        return await self._answered(interaction)

    async def menu(self, message: JsonObject, name: str) -> Reply:
        """Use an entry of the message menu and await its first answer."""
        place = self._world.directory.channels[int(message["channel_id"])]
        for command in self._world.commands.offered(self.member, place):
            if command["name"] == name and command["type"] == MESSAGE_MENU:
                interaction = self._world.actions.context(
                    self.member, int(command["id"]), int(message["id"])
                )
                return await self._answered(interaction)
        raise NotPossible(f"There is no message menu entry {name}.")

    def say(
        self, channel: str | int | Channel, content: str, files: Sequence[Upload] = ()
    ) -> JsonObject:
        """Write an ordinary message, with files."""
        message = self._world.actions.say(self.member, self._channel(channel), content, files)
        return self._world.broadcast.view_of(message)

    def messages(self, channel: str | int | Channel | None = None) -> list[JsonObject]:
        """Return the messages this person sees, in one channel or in all, oldest first."""
        place = None if channel is None else self._channel(channel)
        messages = self._world.messages
        return [
            self._world.broadcast.view_of(message, messages.referenced(message))
            for message in messages.visible_to(self.member)
            if place is None or message.channel_id == place.id
        ]

    def direct_messages(self) -> list[JsonObject]:
        """Return the messages between this person and the bot."""
        return self.messages(self._world.directory.direct_channel(self.member))

    async def wait_for(
        self, predicate: Callable[[JsonObject], bool], timeout: float = PATIENCE_SECONDS
    ) -> JsonObject:
        """Wait for the first message visible to this person that satisfies the predicate."""

        def look() -> list[JsonObject]:
            return [message for message in self.messages() if predicate(message)]

        return (await self._world.wait_for(look, timeout))[0]

    async def _answered(self, interaction: Interaction) -> Reply:
        patience = self._world.response_seconds + 1  # its own deadline ends it first
        await self._world.wait_for(lambda: interaction.is_answered or interaction.is_dead, patience)
        return Reply(self._world, interaction)

    def _channel(self, channel: str | int | Channel) -> Channel:
        return channel if isinstance(channel, Channel) else self._world.channel(channel)

    def _command(self, name: str) -> tuple[JsonObject, list[JsonObject], dict[str, JsonObject]]:
        """Return a command, the sub-commands that lead to it, and its options by name."""
        first, *rest = name.split()
        for command in self._world.commands.everything():
            if command["name"] == first and command["type"] == CHAT_INPUT:
                break
        else:
            raise NotPossible(f"There is no command {first}.")
        options = {option["name"]: option for option in command.get("options", ())}
        path = []
        for step in rest:
            if options.get(step, {}).get("type") not in (SUB_COMMAND, SUB_COMMAND_GROUP):
                raise NotPossible(f"There is no command {name}.")
            path.append(options[step])
            options = {option["name"]: option for option in options[step].get("options", ())}
        return command, path, options


def files_of(message: JsonObject) -> list[JsonObject]:
    """Return a message's files, with name and address: attachments, and what components show."""
    files = list(message["attachments"])
    for part in walk(message["components"]):
        for shown in (part, *part.get("items", ())):
            for media in (shown.get("media"), shown.get("file")):
                if media is not None:
                    about = {key: shown[key] for key in ("description", "spoiler") if key in shown}
                    files.append({**media, **about, "filename": _filename(media["url"])})
    return files


def as_text(message: JsonObject) -> str:
    """Return a message as it reads on the screen, for printing a conversation."""
    lines = [f"{_author(message)}{_heading(message)}"]
    if message["flags"] & MessageFlag.LOADING:
        lines.append(f"{_author(message)} is thinking...")
    lines += message["content"].splitlines()
    for embed in message["embeds"]:
        lines += [f"| {line}" for line in _embed_lines(embed)]
    lines += [_attachment_line(attachment) for attachment in message["attachments"]]
    lines += _component_lines(message["components"])
    if message.get("ephemeral"):
        lines.append("(only you can see this)")
    return "\n".join(lines)


def _author(message: JsonObject) -> str:
    author = message["author"]
    return str(author["global_name"] or author["username"])


def _heading(message: JsonObject) -> str:
    interaction = message.get("interaction")
    if interaction is not None:
        user = interaction["user"]
        slash = "" if message.get("interaction_metadata", {}).get("command_type") != 1 else "/"
        name = user["global_name"] or user["username"]
        return f"  ({name} used {slash}{interaction['name']})"
    return "  (edited)" if message["edited_timestamp"] else ""


def _embed_lines(embed: JsonObject) -> list[str]:
    lines = [(embed.get("author") or {}).get("name", ""), embed.get("title", "")]
    lines += embed.get("description", "").splitlines()
    for field in embed.get("fields", ()):
        lines.append(f"{field['name']}: {field['value']}")
    for part in ("thumbnail", "image"):
        if part in embed:
            picture = embed[part]
            lines.append(f"[{part} {_filename(picture['url'])}{_size(picture)}]")
    lines.append((embed.get("footer") or {}).get("text", ""))
    return [line for line in lines if line]


def _attachment_line(attachment: JsonObject) -> str:
    spoiler = "spoiler " if attachment["filename"].startswith("SPOILER_") else ""
    byte_count = f", {attachment['size']} bytes"
    return f"[{spoiler}file {attachment['filename']}{_size(attachment)}{byte_count}]"


def _filename(url: str) -> str:
    return url.split("?", maxsplit=1)[0].rsplit("/", 1)[-1]


def _size(picture: JsonObject) -> str:
    return f" {picture['width']}x{picture['height']}" if picture.get("width") else ""


def _component_lines(components: Sequence[JsonObject]) -> list[str]:
    lines = []
    for part in components:
        match part["type"]:
            case ComponentKind.ROW:
                lines.append("  ".join(map(_part_text, part["components"])))
            case ComponentKind.TEXT_DISPLAY:
                lines += part["content"].splitlines()
            case ComponentKind.MEDIA_GALLERY:
                lines += [_shown_line(item, item["media"]) for item in part["items"]]
            case ComponentKind.THUMBNAIL:
                lines.append(_shown_line(part, part["media"]))
            case ComponentKind.FILE:
                lines.append(_shown_line(part, part["file"]))
            case ComponentKind.BUTTON:
                lines.append(_part_text(part))
            case _:
                lines += _component_lines(part.get("components", ()))
                lines += _component_lines([part["accessory"]] if "accessory" in part else ())
    return lines


def _shown_line(shown: JsonObject, media: JsonObject) -> str:
    spoiler = "spoiler " if shown.get("spoiler") else ""
    return f"[{spoiler}file {_filename(media['url'])}{_size(media)}]"


def _part_text(part: JsonObject) -> str:
    if part["type"] in SELECTS:
        return f"<{part.get('placeholder') or 'choose'}>"
    emoji = (part.get("emoji") or {}).get("name", "")
    label = " ".join(text for text in (emoji, part.get("label", "")) if text)
    return f"({label})" if part.get("disabled") else f"[{label}]"


def _nested(path: Sequence[JsonObject], values: list[JsonObject]) -> list[JsonObject]:
    """Wrap option values in the sub-commands that lead to them."""
    for definition in reversed(path):
        values = [{"name": definition["name"], "type": definition["type"], "options": values}]
    return values


def _upload(option: str, value: OptionValue) -> Upload:
    if isinstance(value, Upload):
        return value
    if isinstance(value, bytes):
        return Upload(f"{option}.png", value)
    if isinstance(value, Path):
        return Upload(value.name, value.read_bytes())
    raise NotPossible(f"The option {option} takes a file.")


def _find_part(message: JsonObject, wanted: str, *kinds: ComponentKind) -> JsonObject:
    for part in interactive(message["components"]):
        names = (part.get("label"), part.get("custom_id"), (part.get("emoji") or {}).get("name"))
        if part["type"] in kinds and wanted in names and "custom_id" in part:
            return part
    raise NotPossible(f"That message has no {kinds[0].name.lower()} {wanted}.")
