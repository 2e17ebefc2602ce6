"""What version 0.1.0 left behind when it was killed, carried on by this version.

`tests/data/version_0_1_0/record.py` says what that is, and makes it anew.
"""

import base64
import json
import logging
import re
import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from sandbox.discord_api.model.components import ComponentKind, interactive
from sandbox.discord_api.values import Message, MessageFlag, MessageKind, Upload
from sandbox.people import as_text, files_of
from tests.support.reviews import let_undo_time_pass

LEFT_BEHIND = Path(__file__).parents[1] / "data" / "version_0_1_0"
PATIENCE_S = 60
ELSEWHERE = re.compile("cancel|delete|refuse|block|reset|approve|again|retry|vary|upscale")
"""Actions with tests of their own: they end, decide or begin something."""


MILLISECONDS = 1_500_000_000_000
"""From here to twice as much, a number is a time in milliseconds; ids of Discord's are larger."""


def parts_of(message):
    return interactive(message["components"])


def custom_ids(message):
    return [part.get("custom_id", "") for part in parts_of(message)]


def is_done(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


def says(text):
    return lambda message: text in as_text(message)


class LeftBehind:
    """Files, database and Discord's messages, put where this version finds them."""

    def __init__(self, environment, recorded, database_url=None):
        self.environment, self.ids = environment, recorded["generations"]
        self._settings = {"database_url": SecretStr(database_url)} if database_url else {}
        backends = environment.data / "backends.toml"
        named = re.sub(r'url = ".*"', f'url = "{environment.comfyui.url}"', backends.read_text())
        backends.write_text(named)
        for message in recorded["messages"]:
            self._post(message)

    def bot(self):
        return self.environment.bot(comfyui_urls=(), **self._settings)

    def message(self, person, name, action=""):
        """The message a person sees that carries this action on the generation of that name."""
        wanted = f":{self.ids[name]}:{action}"
        found = [one for one in person.messages() if any(wanted in id_ for id_ in custom_ids(one))]
        return found[0]

    async def press(self, person, name, action):
        message = self.message(person, name, action)
        wanted = f":{self.ids[name]}:{action}"
        return await person.click(
            message, next(id_ for id_ in custom_ids(message) if wanted in id_)
        )

    async def until(self, person, message, predicate):
        """Wait until the message, by its id, is as wanted."""
        return await person.wait_for(
            lambda one: one["id"] == message["id"] and predicate(one), PATIENCE_S
        )

    def _post(self, recorded):
        world, only_for = self.environment.world, recorded["only_for"]
        files = tuple(
            world.files.store(
                Upload(file["filename"], base64.b64decode(file["content"])),
                recorded["channel_id"],
                is_ephemeral=only_for is not None,
            )
            for file in recorded["files"]
        )
        world.messages.publish(
            Message(
                recorded["id"],
                recorded["channel_id"],
                recorded["author_id"],
                datetime.fromisoformat(recorded["created_at"]),
                kind=MessageKind(recorded["kind"]),
                content=recorded["content"],
                embeds=tuple(recorded["embeds"]),
                components=tuple(recorded["components"]),
                files=files,
                flags=MessageFlag(recorded["flags"]),
                interaction=recorded["interaction"],
                interaction_metadata=recorded["interaction_metadata"],
                is_from_interaction=recorded["interaction"] is not None,
                only_for=only_for,
            )
        )


def shift_sqlite(path, age):
    """Make every time in a database file later by an age: its program has just been killed."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, column, kind in connection.execute(
            "SELECT t.name, c.name, c.type FROM pragma_table_list t, pragma_table_info(t.name) c "
            "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'"
        ).fetchall():
            if kind == "DATETIME":
                change = f"{age.total_seconds()} seconds"
                later = f"strftime('%Y-%m-%d %H:%M:%f000', \"{column}\", ?)"
                where = f'"{column}" IS NOT NULL'
            else:
                change = round(age.total_seconds() * 1000)
                later = f'"{column}" + ?'
                where = (
                    f"typeof(\"{column}\") = 'integer' "
                    f'AND "{column}" BETWEEN {MILLISECONDS} AND {2 * MILLISECONDS}'
                )
            update = f'UPDATE "{table}" SET "{column}" = {later} WHERE {where}'  # noqa: S608 - names of its own tables
            connection.execute(update, (change,))


def shift_postgresql(connection, age):
    """Likewise in a PostgreSQL database, the engine's schema included."""
    for schema, table, column, kind in connection.execute(
        "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
        "JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_type = 'BASE TABLE' AND table_schema IN ('public', 'dbos')"
    ).fetchall():
        name = f'{schema}.{table} SET "{column}" = "{column}"'
        if kind.startswith("timestamp"):
            connection.execute(f"UPDATE {name} + %s", (age,))
        elif kind == "bigint":
            change = round(age.total_seconds() * 1000)
            between = f'"{column}" BETWEEN {MILLISECONDS} AND {2 * MILLISECONDS}'
            connection.execute(f"UPDATE {name} + %s WHERE {between}", (change,))


@pytest.fixture(params=["sqlite", "postgresql"])
def left_behind(request, environment, tmp_path):
    with tarfile.open(LEFT_BEHIND / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    recorded = json.loads((tmp_path / "world.json").read_text(encoding="utf-8"))
    killed_at = max(datetime.fromisoformat(one["created_at"]) for one in recorded["messages"])
    age = datetime.now(UTC) - killed_at
    if request.param == "sqlite":
        for name in ("limner.db", "engine.db"):
            shift_sqlite(environment.data / name, age)
        return LeftBehind(environment, recorded)
    url = request.getfixturevalue("empty_postgres_url")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((tmp_path / "dump.sql").read_text(encoding="utf-8"))
        connection.execute("SET search_path TO public")
        shift_postgresql(connection, age)
    return LeftBehind(environment, recorded, url)


async def test_what_ran_and_waited_is_finished_in_its_own_message(left_behind, environment):
    unfinished = {
        "running": environment.ana,
        "waiting": environment.ana,
        "waiting too": environment.ben,
    }
    messages = {
        name: left_behind.message(person, name, "cancel") for name, person in unfinished.items()
    }
    async with left_behind.bot() as core:
        for name, person in unfinished.items():
            await left_behind.until(person, messages[name], is_done)
        states = [(await core.service.find(left_behind.ids[name])).state for name in unfinished]
    assert states == ["succeeded"] * 3
    assert not environment.comfyui.log.repeated()


async def test_what_is_held_is_decided_on(left_behind, environment):
    held = [one for one in environment.ben.messages() if "waits for a moderator" in as_text(one)]
    assert len(held) == 2
    async with left_behind.bot() as core:
        await left_behind.press(environment.mo, "held", "approve")
        await left_behind.until(environment.ben, held[0], is_done)
        asked = await left_behind.press(environment.mo, "held too", "refuse")
        await environment.mo.fill(asked.modal, {"kind": "hate", "reason": ""})
        await environment.mo.wait_for(says("Hate or harassment"), PATIENCE_S)
        await let_undo_time_pass(core)
        await left_behind.until(environment.ben, held[1], says("declined this picture"))
        assert (await core.service.find(left_behind.ids["held"])).outputs


async def test_what_had_ended_stays_as_it_was(left_behind):
    ended = {
        "finished": "succeeded",
        "finished four": "succeeded",
        "finished private": "succeeded",
        "reported": "succeeded",
        "approved": "succeeded",
        "refused": "succeeded",
        "deleted": "succeeded",
        "failed": "failed",
        "cancelled": "cancelled",
    }
    async with left_behind.bot() as core:
        found = {name: await core.service.find(left_behind.ids[name]) for name in ended}
    assert {name: generation.state for name, generation in found.items()} == ended


async def test_results_are_gone_on_from(left_behind, environment):
    async with left_behind.bot():
        for name, action in (
            ("finished", "again"),
            ("finished four", "vary:2"),
            ("finished four", "upscale:3"),
            ("finished private", "vary:0"),
            ("failed", "retry"),
        ):
            reply = await left_behind.press(environment.ana, name, action)
            await reply.until(is_done, PATIENCE_S)
        told = await left_behind.press(environment.ana, "finished", "original")
        await told.until(files_of, PATIENCE_S)
        old = left_behind.message(environment.ana, "finished")
        form = await environment.ana.menu(old, "Use as input")
        edited = await environment.ana.fill(form.modal, {"prompt": "a wolf"})
        await edited.until(is_done, PATIENCE_S)
        told = await environment.ana.menu(old, "Image info")
        await told.until(says("a finished fox"), PATIENCE_S)
        id_ = left_behind.ids["finished"]
        shown = await environment.ana.slash("general", "show", result=id_)
        assert f"g:{id_}:more" in str(await shown.until(files_of, PATIENCE_S))
        form = await left_behind.press(environment.ana, "finished", "delete")
        await environment.ana.fill(form.modal, {})
        await environment.ana.wait_for(says("Deleted"), PATIENCE_S)


def pressable(left_behind, people):
    """One button or menu of each kind: `{kind: (who sees it, message, part)}`."""
    ids = re.compile("|".join(left_behind.ids.values()))
    return {
        ids.sub("", part["custom_id"]): (person, message, part)
        for person in people
        for message in person.messages()
        for part in parts_of(message)
        if not part.get("disabled") and not ELSEWHERE.search(part.get("custom_id", "cancel"))
    }


async def test_every_button_and_menu_is_answered(left_behind, environment, caplog):
    found = pressable(left_behind, (environment.ben, environment.ana, environment.mo))
    assert {id_.partition(":")[0] for id_ in found} == {"g", "h", "m0", "s", "v"}
    async with left_behind.bot():
        for person, message, part in found.values():
            if part["type"] == ComponentKind.SELECT:
                first = part["options"][0]["value"]
                reply = await person.choose(message, part["custom_id"], first)
            else:
                reply = await person.click(message, part["custom_id"])
            assert reply.failure is None, part
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
