"""Mentions of a message that notify, by its text and `allowed_mentions`."""

import re
from dataclasses import dataclass
from typing import Final

from sandbox.discord_api import limits
from sandbox.discord_api.model.forms import Form
from sandbox.discord_api.values import JsonObject

EVERYTHING: Final = frozenset({"users", "roles", "everyone"})
"""Default of `parse` for channel messages."""
USERS_ONLY: Final = frozenset({"users"})
"""Default of `parse` for interaction messages."""

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class Mentions:
    """The mentions of a message that notify."""

    user_ids: tuple[int, ...] = ()
    role_ids: tuple[int, ...] = ()
    everyone: bool = False


def check_allowed_mentions(form: Form, allowed: object) -> None:
    """Note what is wrong with an `allowed_mentions` object."""
    if allowed is None:
        return
    fields = form.mapping("allowed_mentions", allowed)
    parse = form.items("allowed_mentions.parse", fields.get("parse"), len(EVERYTHING))
    if not set(map(str, parse)) <= EVERYTHING:
        sentence = "Value must be one of {'users', 'roles', 'everyone'}."
        form.wrong("allowed_mentions.parse", "BASE_TYPE_CHOICES", sentence)
    for key in ("users", "roles"):
        listed = form.items(f"allowed_mentions.{key}", fields.get(key), limits.MENTIONS_LISTED)
        if listed and key in parse:
            sentence = f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.'
            form.wrong("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", sentence)


def parse_mentions(
    content: str,
    allowed: JsonObject | None,
    default_parse: frozenset[str],
    *,
    may_ping_everyone: bool,
) -> Mentions:
    """Return whom `content` notifies under `allowed` (absent: `default_parse`)."""
    parse = default_parse if allowed is None else frozenset(allowed.get("parse") or ())
    users = {int(found) for found in (allowed or {}).get("users") or ()}
    roles = {int(found) for found in (allowed or {}).get("roles") or ()}
    named_users = dict.fromkeys(map(int, _USER.findall(content)))
    named_roles = dict.fromkeys(map(int, _ROLE.findall(content)))
    return Mentions(
        tuple(user for user in named_users if "users" in parse or user in users),
        tuple(role for role in named_roles if "roles" in parse or role in roles),
        may_ping_everyone and "everyone" in parse and _EVERYONE.search(content) is not None,
    )
