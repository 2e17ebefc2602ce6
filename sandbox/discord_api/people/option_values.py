"""Values of command options, menus and modals, checked as a client does."""

from collections.abc import Mapping, Sequence
from typing import Final

from sandbox.discord_api import limits
from sandbox.discord_api.errors import NotPossible
from sandbox.discord_api.model.commands import SUB_COMMAND, SUB_COMMAND_GROUP
from sandbox.discord_api.model.components import SELECTS, ComponentKind
from sandbox.discord_api.values import JsonObject

STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE = 3, 4, 5, 6, 7, 8
MENTIONABLE, NUMBER, ATTACHMENT = 9, 10, 11
VALUE_TYPES: Final[dict[int, tuple[type, ...]]] = {
    STRING: (str,),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    NUMBER: (int, float),
}


def command_data(command: JsonObject) -> JsonObject:
    """Return how an interaction names its command."""
    data: JsonObject = {"id": command["id"], "name": command["name"], "type": command["type"]}
    return data | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})


def full_name(name: str, options: Sequence[JsonObject]) -> str:
    """Return a command's name with those of its sub-commands."""
    if options and options[0]["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP):
        return f"{name} {full_name(options[0]['name'], options[0].get('options') or [])}"
    return name


def flat_values(options: Sequence[JsonObject]) -> list[JsonObject]:
    """Return the options that carry values, inside sub-commands too."""
    flat: list[JsonObject] = []
    for option in options:
        flat += flat_values(option["options"]) if "options" in option else [option]
    return flat


def find_definition(
    definitions: Sequence[JsonObject], options: Sequence[JsonObject]
) -> JsonObject | None:
    """Return the definition of the focused option."""
    by_name = {definition["name"]: definition for definition in definitions}
    for option in options:
        definition = by_name.get(option.get("name"))
        if definition is None:
            raise NotPossible(f"This command has no option {option.get('name')}.")
        if "options" in option:
            return find_definition(definition.get("options") or [], option["options"])
        if option.get("focused"):
            return definition
    return None


def checked_value(definition: JsonObject, value: object) -> object:
    """Return a value that the option's definition allows."""
    name, kind = definition["name"], definition["type"]
    is_wrong_bool = isinstance(value, bool) != (kind == BOOLEAN)
    if is_wrong_bool or not isinstance(value, VALUE_TYPES[kind]):
        raise NotPossible(f"The option {name} has a value of the wrong type.")
    if kind == STRING:
        longest = definition.get("max_length", limits.STRING_OPTION)
        if not definition.get("min_length", 0) <= len(str(value)) <= longest:
            raise NotPossible(f"The option {name} is too short or too long.")
    elif isinstance(value, int | float) and kind != BOOLEAN:
        least = definition.get("min_value", -limits.SAFE_INTEGER)
        if not least <= value <= definition.get("max_value", limits.SAFE_INTEGER):
            raise NotPossible(f"The option {name} is out of bounds.")
    choices = definition.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        raise NotPossible(f"The option {name} takes one of its choices.")
    return value


SELECTED_TYPES: Final = {
    ComponentKind.USER_SELECT: USER,
    ComponentKind.ROLE_SELECT: ROLE,
    ComponentKind.MENTIONABLE_SELECT: MENTIONABLE,
    ComponentKind.CHANNEL_SELECT: CHANNEL,
}
"""What the menus of people, roles and channels choose, as types of options."""


def chosen(part: JsonObject, values: Sequence[str]) -> list[str]:
    """Return the entries chosen from a menu or group, as many as it takes."""
    offered = {option["value"] for option in part.get("options") or ()}
    if "options" in part and not set(values) <= offered:
        raise NotPossible("That menu has no such entry.")
    fewest = part.get("min_values")
    fewest = (1 if part.get("required", True) else 0) if fewest is None else fewest
    if not fewest <= len(values) <= (part.get("max_values") or 1):
        raise NotPossible("That menu takes another number of entries.")
    return list(values)


def fill_modal_item(item: JsonObject, fields: Mapping[str, object]) -> JsonObject:
    """Return a modal's item with what was filled in."""
    match item["type"]:
        case ComponentKind.LABEL:
            inner = _fill_modal_input(item["component"], fields)
            return {"type": item["type"], "id": item.get("id", 0), "component": inner}
        case ComponentKind.ROW:
            parts = [_fill_modal_input(part, fields) for part in item["components"]]
            return {"type": item["type"], "id": item.get("id", 0), "components": parts}
        case _:
            return {"type": item["type"], "id": item.get("id", 0)}


_LISTS: Final = (*SELECTS, ComponentKind.CHECKBOX_GROUP, ComponentKind.FILE_UPLOAD)


def _fill_modal_input(part: JsonObject, fields: Mapping[str, object]) -> JsonObject:
    custom_id = part["custom_id"]
    head: JsonObject = {"type": part["type"], "id": part.get("id", 0), "custom_id": custom_id}
    given = fields.get(custom_id)
    if part["type"] in _LISTS:
        listed = given if isinstance(given, list) else [] if given is None else [str(given)]
        return {**head, "values": chosen(part, listed)}
    if part["type"] == ComponentKind.CHECKBOX:
        return {**head, "value": bool(part.get("default") if given is None else given)}
    if part["type"] == ComponentKind.RADIO_GROUP:
        listed = [str(given)] if given else []
        return {**head, "value": next(iter(chosen(part, listed)), None)}
    text = str(fields.get(custom_id, part.get("value") or ""))
    if part.get("required", True) and not text:
        raise NotPossible("A required field is empty.")
    longest = part.get("max_length") or limits.TEXT_INPUT
    if text and not (part.get("min_length") or 0) <= len(text) <= longest:
        raise NotPossible("A field is too short or too long.")
    return {**head, "value": text}
