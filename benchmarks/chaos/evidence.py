"""Evidence after a run: records of the database, messages and executions."""

import hashlib
import json
import re
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from benchmarks.chaos.users import DECISION, MODERATORS, UNDO
from db.urls import libpq_url
from generation.runs.runner import AFTER_WITHDRAWAL, PROMPT_ID_NAMESPACE
from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_api.model.components import interactive
from sandbox.discord_api.model.layouts import texts_of
from sandbox.discord_api.server import DiscordStandIn
from sandbox.discord_api.values import Message, MessageFlag

_BUTTON = re.compile(r"g:(?P<id>[a-z0-9]+):(?P<action>[a-z]+):")
_FINAL = ("succeeded", "failed", "cancelled")
_MAX_BACKENDS = 8

TOKEN_MARGIN_S = 60
"""How much earlier than Discord's 15 minutes an interaction's token is not used any more."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A generation as the database has it. `charges` are pairs of kind and amount.

    `prompt_ids` are those that its runs can have; `review` is what moderators decided.
    `lost_message_id` is a message in private that could not be edited any more at its end: a
    direct message, which `message_id` is then, told that instead.
    """

    id: str
    state: str
    prompt: str
    prompt_ids: frozenset[str]
    cost: int
    message_id: int
    is_told: bool
    lost_message_id: int | None = None
    failure_kind: str | None = None
    was_foreseen: bool = True
    was_sampled: bool = False
    pictures: tuple[str, ...] = ()
    review: str | None = None
    charges: tuple[tuple[str, int], ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether a moderator took its results away."""
        return self.review == "refused"

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to happen to it."""
        return self.state in _FINAL and self.is_told


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of the bot. `files` are its files' contents by name.

    `decisions` are the buttons of moderators.
    """

    id: int
    text: str
    is_thinking: bool = False
    buttons: frozenset[tuple[str, str]] = frozenset()
    decisions: frozenset[str] = frozenset()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Executed:
    """An execution on a backend, and the number of restarts before it."""

    prompt_id: str
    backend: int
    life: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All evidence of a run. `disturbed` are the backends that were restarted or cut off.

    `cards` are the messages in the moderators' channel, `messages` those to people. `given_up` are
    the generations that were interrupted too often.
    """

    generations: tuple[Recorded, ...]
    messages: tuple[Posted, ...]
    executions: tuple[Executed, ...]
    cards: tuple[Posted, ...] = ()
    disturbed: frozenset[int] = frozenset()
    given_up: frozenset[str] = frozenset()


def read_generations(database_url: str) -> tuple[Recorded, ...]:
    """Read every generation without Limner's own code. Raises sqlite3.Error, psycopg.Error."""
    rows = _select(database_url, "SELECT * FROM generations ORDER BY created_at")
    pictures = _grouped(
        _select(database_url, "SELECT generation_id, sha256 FROM outputs ORDER BY position")
    )
    charges = _grouped(_select(database_url, "SELECT generation_id, kind, amount FROM charges"))
    reviews = _grouped(_select(database_url, "SELECT generation_id, state FROM reviews"))
    return tuple(
        Recorded(
            id=row["id"],
            state=row["state"],
            prompt=row["prompt"],
            prompt_ids=_prompt_ids(row["id"], row["created_at"]),
            cost=row["cost"],
            message_id=message_id,
            lost_message_id=lost_message_id,
            is_told=row["delivered_at"] is not None,
            failure_kind=row["failure_kind"],
            was_foreseen="reference" not in str(row["failure_facts"]),
            was_sampled=row["sampled_at"] is not None,
            pictures=tuple(picture["sha256"] for picture in pictures.get(row["id"], ())),
            review=reviews[row["id"]][0]["state"] if row["id"] in reviews else None,
            charges=tuple(
                sorted((charge["kind"], charge["amount"]) for charge in charges.get(row["id"], ()))
            ),
        )
        for row in rows
        for message_id, lost_message_id in [_find_messages(row)]
    )


def read_messages(world: DiscordStandIn) -> tuple[tuple[Posted, ...], tuple[Posted, ...]]:
    """Read every message of the bot: those to people, and those in the moderators' channel."""
    found: dict[int, Message] = {}
    for member in world.directory.members.values():
        for message in world.messages.visible_to(member):
            if message.author_id == world.application_id:
                found[message.id] = message
    moderators = world.channel(MODERATORS).id
    # What `/mod review` shows in private is neither, also once it is decided on.
    posted = [one for one in found.values() if not _is_of_review(one)]
    return (
        tuple(_posted(one) for one in posted if one.channel_id != moderators),
        tuple(_posted(one) for one in posted if one.channel_id == moderators),
    )


def read_executions(
    backends: Sequence[ComfyUIStandIn], lives: Sequence[Sequence[int]]
) -> tuple[Executed, ...]:
    """Read what ran where. `lives` has, for each backend, how many runs each restart came after."""
    found: list[Executed] = []
    for number, backend in enumerate(backends):
        found += (
            Executed(
                run.prompt_id,
                number,
                sum(index >= restart for restart in lives[number]),
            )
            for index, run in enumerate(backend.log.executions)
        )
    return tuple(found)


def digest(content: bytes) -> str:
    """The digest by which results are recorded."""
    return hashlib.sha256(content).hexdigest()


def _is_of_review(message: Message) -> bool:
    return str((message.interaction or {}).get("name")).startswith("mod")


def _posted(message: Message) -> Posted:
    custom_ids = [str(part.get("custom_id", "")) for part in interactive(message.components)]
    texts = [message.content, texts_of(message.components)]
    for embed in message.embeds:
        texts += [str(embed.get("title", "")), str(embed.get("description", ""))]
    matches = [_BUTTON.match(custom_id) for custom_id in custom_ids]
    return Posted(
        id=message.id,
        text="\n".join(texts),
        is_thinking=MessageFlag.LOADING in message.flags,
        buttons=frozenset((match["id"], match["action"]) for match in matches if match),
        decisions=frozenset(
            custom_id
            for custom_id in custom_ids
            if DECISION.match(custom_id) or UNDO.match(custom_id)
        ),
        files={file.filename: file.content for file in message.files},
    )


def _find_messages(row: Mapping[str, Any]) -> tuple[int, int | None]:
    """The message that has to show its end, and the one that it stands for, if it does."""
    reply, url = json.loads(row["reply"]), row["message_url"]
    message_id: int = reply["message_id"]
    if not reply["is_private"] or url is None:
        return message_id, None
    if _moment(row["delivered_at"]).timestamp() < reply["expires_at"] - TOKEN_MARGIN_S:
        return message_id, None
    return int(url.rpartition("/")[2]), message_id


def _moment(column: datetime | str) -> datetime:
    if isinstance(column, str):
        return datetime.fromisoformat(column).replace(tzinfo=UTC)
    return column.astimezone(UTC)


def _prompt_ids(generation_id: str, created_at: datetime | str) -> frozenset[str]:
    """The prompt ids that a generation may have had on its backends."""
    accepted_at = _moment(created_at).isoformat()
    return frozenset(
        str(uuid.uuid5(PROMPT_ID_NAMESPACE, f"{generation_id}:{accepted_at}:{index + more}"))
        for index in range(_MAX_BACKENDS)
        for more in (0, AFTER_WITHDRAWAL)
    )


def _select(database_url: str, statement: str) -> list[dict[str, Any]]:
    plain = libpq_url(database_url)
    if plain is None:
        path = database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement)]
    with psycopg.connect(plain, row_factory=dict_row) as link:
        return link.execute(statement.encode()).fetchall()


def _grouped(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["generation_id"], []).append(row)
    return groups
