"""Application commands: validation and registration."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Final

from sandbox.discord_api import limits
from sandbox.discord_api.clock import Clock, Snowflakes
from sandbox.discord_api.errors import ApiError, Refusal
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.forms import Form
from sandbox.discord_api.values import Channel, ChannelKind, JsonObject, Member, Permission

CHAT_INPUT: Final = 1
MESSAGE_MENU: Final = 3
SUB_COMMAND: Final = 1
SUB_COMMAND_GROUP: Final = 2
STRING: Final = 3
INTEGER: Final = 4
NUMBER: Final = 10
OPTION_TYPES: Final = range(1, 12)
WITH_CHOICES: Final = (STRING, INTEGER, NUMBER)
_NAME = re.compile(r"^[-_'\w]{1,32}$")


class Commands:
    """The registered commands, global ones under scope None and a guild's under its id."""

    def __init__(self, directory: Directory, clock: Clock, snowflakes: Snowflakes) -> None:
        self._directory = directory
        self._clock = clock
        self._snowflakes = snowflakes
        self._kept: dict[int | None, list[JsonObject]] = {}
        self._created: list[date] = []

    def listed(self, scope: int | None) -> list[JsonObject]:
        """Return the commands of a scope."""
        return list(self._kept.get(scope, ()))

    def everything(self) -> list[JsonObject]:
        """Return all commands: the guild's first, as clients prefer them."""
        return self.listed(self._directory.guild_id) + self.listed(None)

    def find(self, scope: int | None, command_id: int) -> JsonObject:
        """Return one command of a scope; 10063 when there is none."""
        for command in self.listed(scope):
            if command["id"] == str(command_id):
                return command
        raise ApiError.of(Refusal.UNKNOWN_COMMAND)

    def overwrite(self, scope: int | None, bodies: object) -> list[JsonObject]:
        """Replace every command of a scope; names that stay keep their ids."""
        checked = _check_commands(json.dumps(bodies))
        keys = [_key(command) for command in checked]
        before = {_key(command): command for command in self.listed(scope)}
        self._count_creations(sum(key not in before for key in keys))
        self._kept[scope] = [
            self._registered(scope, command, before.get(_key(command))) for command in checked
        ]
        return self.listed(scope)

    def upsert(self, scope: int | None, body: object) -> tuple[JsonObject, bool]:
        """Add a command, or replace the one of its name; say whether it is new."""
        form = Form()
        checked = check_command(form, "", form.mapping("", body))
        form.refuse_if_wrong()
        before = {_key(command): command for command in self.listed(scope)}
        old = before.get(_key(checked))
        others = [command for command in self.listed(scope) if command is not old]
        _check_counts([*others, checked])
        self._count_creations(old is None)
        command = self._registered(scope, checked, old)
        self._kept[scope] = [*others, command]
        return command, old is None

    def change(self, scope: int | None, command_id: int, body: JsonObject) -> JsonObject:
        """Change the named fields of one command."""
        old = self.find(scope, command_id)
        form = Form()
        checked = check_command(form, "", {**old, **body})
        form.refuse_if_wrong()
        command = self._registered(scope, checked, old)
        self._kept[scope] = [command if kept is old else kept for kept in self._kept.get(scope, ())]
        return command

    def remove(self, scope: int | None, command_id: int) -> None:
        """Delete one command."""
        old = self.find(scope, command_id)
        self._kept[scope] = [kept for kept in self._kept[scope] if kept is not old]

    def offered(self, member: Member, channel: Channel | None = None) -> list[JsonObject]:
        """Return the commands a person's client offers, in a channel or anywhere."""
        return [
            command
            for command in self.everything()
            if self.obstacle(command, member, channel) is None
        ]

    def obstacle(self, command: JsonObject, member: Member, channel: Channel | None) -> str | None:
        """Return why a client does not offer a command; None when it does."""
        needed = command["default_member_permissions"]
        if needed is not None and (channel is None or not channel.is_direct):
            has = self._directory.permissions(member, channel)
            if Permission.ADMINISTRATOR not in has and (
                int(needed) == 0 or int(has) & int(needed) != int(needed)
            ):
                return "You do not have the permission to use this command."
        if channel is None:
            return None
        return _find_obstacle_of_place(command, channel)

    def _registered(
        self, scope: int | None, checked: JsonObject, old: JsonObject | None
    ) -> JsonObject:
        command: JsonObject = {
            "id": old["id"] if old else str(self._snowflakes.take()),
            "application_id": str(self._directory.application_id),
            **checked,
        }
        if scope is not None:
            command["guild_id"] = str(scope)
            command.pop("dm_permission", None)
        unversioned = {key: value for key, value in (old or {}).items() if key != "version"}
        unchanged = old is not None and unversioned == command
        version = old["version"] if old and unchanged else str(self._snowflakes.take())
        return {**command, "version": version}

    def _count_creations(self, number: int) -> None:
        today = self._clock.now().date()
        self._created = [day for day in self._created if day == today]
        if len(self._created) + number > limits.COMMAND_CREATIONS_A_DAY:
            raise ApiError.of(Refusal.TOO_MANY_CREATIONS)
        self._created += [today] * number


def _find_obstacle_of_place(command: JsonObject, channel: Channel) -> str | None:
    contexts = command.get("contexts")
    if contexts is not None and channel.context not in contexts:
        return "This command is not available here."
    if channel.kind is ChannelKind.GROUP and 1 not in command.get("integration_types", ()):
        return "This command is only for servers that invited the bot."
    if channel.is_direct and "guild_id" in command:
        return "This command is not available in direct messages."
    if command.get("nsfw") and not channel.nsfw:
        return "This command can only be used in age-restricted channels."
    return None


@lru_cache(maxsize=16)
def _check_commands(bodies: str) -> Sequence[JsonObject]:
    """Return a JSON list of commands as they are stored; bots send the same at every start."""
    form = Form()
    listed = form.items("", json.loads(bodies), sum(limits.COMMANDS_BY_TYPE.values()))
    checked = [
        check_command(form, f"{index}", form.mapping(f"{index}", body))
        for index, body in enumerate(listed)
    ]
    keys = [_key(command) for command in checked]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            sentence = "Application command names must be unique"
            form.wrong(f"{index}.name", "APPLICATION_COMMANDS_DUPLICATE_NAME", sentence)
    form.refuse_if_wrong()
    _check_counts(checked)
    return checked


def check_command(form: Form, path: str, body: JsonObject) -> JsonObject:
    """Return a command as it is stored, collecting all errors in the form."""
    kind = body.get("type") or CHAT_INPUT
    if kind not in limits.COMMANDS_BY_TYPE:
        form.wrong(_join(path, "type"), "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3).")
    _check_name(form, _join(path, "name"), body.get("name"), is_chat_input=kind == CHAT_INPUT)
    description = body.get("description") or ""
    shortest = 1 if kind == CHAT_INPUT else 0
    longest = limits.COMMAND_DESCRIPTION if kind == CHAT_INPUT else 0
    form.text(_join(path, "description"), description, longest, shortest=shortest)
    _check_translations(form, path, body, "name", limits.COMMAND_NAME)
    _check_translations(form, path, body, "description", longest)
    options = body.get("options") or []
    if options and kind != CHAT_INPUT:
        sentence = "Context menu commands cannot have options"
        form.wrong(_join(path, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", sentence)
    _check_options(form, _join(path, "options"), options, depth=0)
    if _character_count(body) > limits.COMMAND_CHARACTERS:
        sentence = f"Command exceeds maximum size ({limits.COMMAND_CHARACTERS})"
        form.wrong(path, "APPLICATION_COMMAND_TOO_LARGE", sentence)
    return _kept_command(body, kind, description, options)


def _kept_command(
    body: JsonObject, kind: int, description: str, options: list[JsonObject]
) -> JsonObject:
    needed = body.get("default_member_permissions")
    kept: JsonObject = {
        "type": kind,
        "name": body.get("name"),
        "name_localizations": body.get("name_localizations"),
        "description": description,
        "description_localizations": body.get("description_localizations"),
        "default_member_permissions": None if needed is None else str(int(needed)),
        "dm_permission": body.get("dm_permission", True) is not False,
        "contexts": body.get("contexts"),
        "integration_types": body.get("integration_types") or [0],
        "nsfw": bool(body.get("nsfw")),
    }
    if options:
        kept["options"] = [_without_defaults(option) for option in options]
    return kept


def without_localizations(part: JsonObject) -> JsonObject:
    """Return a command as Discord lists it to those who do not ask for its translations."""
    kept = {key: value for key, value in part.items() if not key.endswith("_localizations")}
    for inner in ("options", "choices"):
        if kept.get(inner):
            kept[inner] = [without_localizations(option) for option in kept[inner]]
    return kept


def _without_defaults(option: JsonObject) -> JsonObject:
    """Return an option as Discord gives it back: empty lists and false flags are left out."""
    kept = {
        key: value
        for key, value in option.items()
        if value is not None and value is not False and value != []
    }
    if "options" in kept:
        kept["options"] = [_without_defaults(inner) for inner in kept["options"]]
    return kept


def _check_counts(commands: Iterable[JsonObject]) -> None:
    kinds = [command["type"] for command in commands]
    if any(kinds.count(kind) > most for kind, most in limits.COMMANDS_BY_TYPE.items()):
        raise ApiError.of(Refusal.TOO_MANY_COMMANDS)


def _check_name(form: Form, path: str, name: object, *, is_chat_input: bool) -> None:
    if not form.text(path, name, limits.COMMAND_NAME, shortest=1):
        return
    text = str(name)
    if is_chat_input and (not _NAME.match(text) or text != text.lower()):
        form.wrong(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_translations(form: Form, path: str, part: JsonObject, field: str, longest: int) -> None:
    """Note translations that are longer than what they translate may be."""
    translations = part.get(f"{field}_localizations") or {}
    for locale, text in translations.items():
        form.text(_join(path, f"{field}_localizations.{locale}"), text, longest, shortest=1)


def _check_options(form: Form, path: str, options: object, depth: int) -> None:
    listed = form.items(path, options, limits.COMMAND_OPTIONS)
    optional_seen = False
    names: list[object] = []
    for index, raw in enumerate(listed):
        place = _join(path, str(index))
        option = form.mapping(place, raw)
        is_required = bool(option.get("required"))
        if is_required and optional_seen:
            sentence = "Required options must be placed before non-required options"
            form.wrong(place, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", sentence)
        optional_seen = optional_seen or not is_required
        if option.get("name") in names:
            sentence = "Option names must be unique"
            form.wrong(place, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", sentence)
        names.append(option.get("name"))
        _check_option(form, place, option, depth)
    kinds = [option.get("type") for option in listed if isinstance(option, dict)]
    groups = sum(kind in (SUB_COMMAND, SUB_COMMAND_GROUP) for kind in kinds)
    if 0 < groups < len(kinds):
        sentence = "Sub-command and sub-command group option types are mutually exclusive"
        form.wrong(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", sentence)


def _check_option(form: Form, path: str, option: JsonObject, depth: int) -> None:
    kind = option.get("type")
    if kind not in OPTION_TYPES:
        form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", "Value must be one of 1 to 11.")
    _check_name(form, f"{path}.name", option.get("name"), is_chat_input=True)
    description = option.get("description")
    form.text(f"{path}.description", description, limits.COMMAND_DESCRIPTION, shortest=1)
    _check_translations(form, path, option, "name", limits.COMMAND_NAME)
    _check_translations(form, path, option, "description", limits.COMMAND_DESCRIPTION)
    if kind in (SUB_COMMAND, SUB_COMMAND_GROUP):
        if depth == 2 or (depth == 1 and kind == SUB_COMMAND_GROUP):  # noqa: PLR2004 - levels
            sentence = "Sub-commands and groups nest two levels deep."
            form.wrong(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", sentence)
        deeper = 2 if kind == SUB_COMMAND else 1
        _check_options(form, f"{path}.options", option.get("options"), deeper)
    elif option.get("options"):
        sentence = "Only sub-commands and groups have options."
        form.wrong(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", sentence)
    _check_choices(form, path, option)
    _check_bounds(form, path, option)


def _check_choices(form: Form, path: str, option: JsonObject) -> None:
    choices, completes = option.get("choices"), option.get("autocomplete")
    if (choices or completes) and option.get("type") not in WITH_CHOICES:
        sentence = "Only string, integer and number options have choices or autocomplete."
        form.wrong(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", sentence)
    if choices and completes:
        sentence = "autocomplete cannot be true when options are present"
        form.wrong(path, "APPLICATION_COMMAND_OPTION_AUTOCOMPLETE_INVALID", sentence)
    check_choice_list(form, f"{path}.choices", choices)


def check_choice_list(form: Form, path: str, choices: object) -> Sequence[object]:
    """Note what is wrong with the choices of an option or of an autocompletion."""
    listed = form.items(path, choices, limits.CHOICES)
    for index, raw in enumerate(listed):
        choice = form.mapping(f"{path}.{index}", raw)
        form.text(f"{path}.{index}.name", choice.get("name"), limits.CHOICE_TEXT, shortest=1)
        _check_translations(form, f"{path}.{index}", choice, "name", limits.CHOICE_TEXT)
        value = choice.get("value")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            form.wrong(f"{path}.{index}.value", "BASE_TYPE_REQUIRED", "This field is required")
        elif isinstance(value, str):
            form.text(f"{path}.{index}.value", value, limits.CHOICE_TEXT, shortest=1)
    return listed


def _check_bounds(form: Form, path: str, option: JsonObject) -> None:
    for key in ("min_value", "max_value"):
        value = option.get(key)
        if value is None:
            continue
        if option.get("type") not in (INTEGER, NUMBER):
            form.wrong(f"{path}.{key}", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Not a number")
        elif abs(value) > limits.SAFE_INTEGER:
            form.wrong(f"{path}.{key}", "NUMBER_TYPE_MAX", "Must be within 2^53.")
    for key in ("min_length", "max_length"):
        value = option.get(key)
        if value is not None and not 0 <= value <= limits.STRING_OPTION:
            form.wrong(f"{path}.{key}", "NUMBER_TYPE_MAX", "Must be from 0 to 6000.")


def _character_count(part: JsonObject) -> int:
    """Count names, descriptions and choice values; of localised texts the longest."""
    total = 0
    for key in ("name", "description"):
        texts = [part.get(key) or "", *(part.get(f"{key}_localizations") or {}).values()]
        total += max(len(str(text)) for text in texts)
    for choice in part.get("choices") or ():
        if isinstance(choice, dict):
            texts = [choice.get("name") or "", *(choice.get("name_localizations") or {}).values()]
            total += max(len(str(text)) for text in texts) + len(str(choice.get("value", "")))
    inner = (option for option in part.get("options") or () if isinstance(option, dict))
    return total + sum(map(_character_count, inner))


def _key(command: JsonObject) -> tuple[object, object]:
    return command["type"], command["name"]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
