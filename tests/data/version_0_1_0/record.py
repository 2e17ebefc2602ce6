"""Record what version 0.1.0 leaves behind when it is killed: database, engine, files, messages.

It runs against a checkout of that version and its requirements, once for each kind of database:

    git worktree add /tmp/limner-0.1.0 0d90f36
    PYTHONPATH=/tmp/limner-0.1.0 python tests/data/version_0_1_0/record.py sqlite.tar.xz
    PYTHONPATH=/tmp/limner-0.1.0 python tests/data/version_0_1_0/record.py postgresql.tar.xz \
        --database-url postgresql://… --dump-command "pg_dump"

The archive holds the data folder as `data/`, a dump of PostgreSQL as `dump.sql`, and `world.json`:
the messages that stood in Discord with everything that can be pressed on them, and the ids of
generations by what became of them. Pictures are tiny so that the archive is small.
"""

import argparse
import asyncio
import base64
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_server import DiscordStandIn
from sandbox.people import Person, as_text
from sandbox.scenarios import NodeFails
from workflows.catalog import LIBRARY

PATIENCE_S = 60
PICTURE_SIDE = 64
BACKENDS = '[[backend]]\nurl = "{url}"\nname = "gpu"\nconcurrency = 1\n'


def labels(message):
    return [part.get("label") for row in message["components"] for part in row["components"]]


def is_done(message):
    return bool(message["attachments"]) and "Cancel" not in labels(message)


def says(text):
    return lambda message: text in as_text(message)


def id_of(message):
    """The generation's id, which the buttons below its message carry."""
    for row in message["components"]:
        for part in row["components"]:
            if found := re.match(r"g:([a-z0-9]+):", part.get("custom_id", "")):
                return found[1]
    raise ValueError(as_text(message))


class Session:
    """What people do with the bot before it is killed."""

    def __init__(self, world, comfyui):
        self.world, self.comfyui = world, comfyui
        self.ana, self.ben = Person(world, "ana"), Person(world, "ben")
        self.mo, self.ada = Person(world, "mo"), Person(world, "ada")
        self.ids = {}

    async def play(self):
        await self._ask(self.ada, "limner limits", cooldown=0, waiting=20, running=1)
        moderators = self.world.channel("moderators").id
        await self._ask(self.mo, "mod log-channel", channel=moderators)
        await self._ask(self.ana, "presets save", name="snow", workflow="small", steps=4)
        await self._make_finished()
        await self._make_others()
        await self._make_held()
        await self._leave_unfinished()
        await self._open_panels()

    async def _ask(self, person, command, **options):
        reply = await person.slash("general", command, **options)
        return await reply.until(lambda message: "thinking..." not in as_text(message), PATIENCE_S)

    async def _imagine(self, person, prompt, channel="general", **options):
        options = {"workflow": "small", "steps": 4, "seed": 7, **options}
        return await person.slash(channel, "imagine", prompt=prompt, **options)

    async def _finish(self, name, person, prompt, **options):
        message = await (await self._imagine(person, prompt, **options)).until(is_done, PATIENCE_S)
        self.ids[name] = id_of(message)
        return message

    async def _make_finished(self):
        await self._finish("finished", self.ana, "a finished fox")
        await self._finish("finished four", self.ana, "four finished foxes", count=4)
        await self._finish("finished private", self.ana, "a private fox", private=True)
        reported = await self._finish("reported", self.ana, "a rude fox")
        form = await self.ben.menu(reported, "Report image")
        thanked = await self.ben.fill(form.modal, {"reason": "it is rude"})
        await thanked.until(says("Thank you"), PATIENCE_S)
        await self.mo.wait_for(says("it is rude"), PATIENCE_S)

    async def _make_others(self):
        self.comfyui.faults.add(NodeFails())
        failed = await (await self._imagine(self.ana, "a failing fox")).until(
            lambda message: "Try again" in labels(message), PATIENCE_S
        )
        self.ids["failed"] = id_of(failed)
        self.comfyui.hold()
        reply = await self._imagine(self.ana, "a cancelled fox")
        running = await reply.until(lambda message: "Cancel" in labels(message), PATIENCE_S)
        self.ids["cancelled"] = id_of(running)
        await self.ana.click(running, "Cancel")
        self.comfyui.release()
        await reply.until(lambda message: "Cancel" not in labels(message), PATIENCE_S)
        deleted = await self._finish("deleted", self.ana, "a deleted fox")
        form = await self.ana.click(deleted, "Delete")
        await self.ana.fill(form.modal, {})
        await self.ana.wait_for(says("was deleted"), PATIENCE_S)

    async def _make_held(self):
        await self._ask(self.mo, "mod review", mode="hold")
        replies = {}
        for name, prompt in (
            ("approved", "an approved fox"),
            ("refused", "a refused fox"),
            ("held", "a held fox"),
            ("held too", "another held fox"),
        ):
            replies[name] = await self._imagine(self.ben, prompt)
            await replies[name].until(says("waits for a moderator"), PATIENCE_S)
            card = await self.mo.wait_for(
                lambda one, prompt=prompt: prompt in as_text(one) and "Approve" in labels(one),
                PATIENCE_S,
            )
            self.ids[name] = card["embeds"][0]["description"].split(" · ")[0]
            if name == "approved":
                await self.mo.click(card, "Approve")
                await replies[name].until(is_done, PATIENCE_S)
            if name == "refused":
                await self.mo.click(card, "Refuse")
                await replies[name].until(says("did not approve"), PATIENCE_S)
        await self._ask(self.mo, "mod review")

    async def _open_panels(self):
        for person, command in (
            (self.mo, "mod history"),
            (self.ana, "history"),
            (self.ana, "queue"),
            (self.ana, "settings"),
            (self.ana, "workflows"),
        ):
            await self._ask(person, command)

    async def _leave_unfinished(self):
        """Without review: what is told in the end are pictures."""
        await self._ask(self.mo, "mod review", mode="log")
        self.comfyui.hold()
        for name, person, prompt in (
            ("running", self.ana, "a running fox"),
            ("waiting", self.ana, "a waiting fox"),
            ("waiting too", self.ben, "another waiting fox"),
        ):
            reply = await self._imagine(person, prompt)
            message = await reply.until(lambda one: "Cancel" in labels(one), PATIENCE_S)
            self.ids[name] = id_of(message)
        await self.comfyui.wait_until_held()

    def recorded(self):
        """Everything that stands in Discord, and who made what."""
        stored = self.world.messages._kept.values()
        return {
            "generations": self.ids,
            "messages": [_recorded_message(message) for message in stored],
        }


def _recorded_message(message):
    return {
        "id": message.id,
        "channel_id": message.channel_id,
        "author_id": message.author_id,
        "created_at": message.created_at.isoformat(),
        "kind": int(message.kind),
        "content": message.content,
        "embeds": message.embeds,
        "components": message.components,
        "flags": int(message.flags),
        "interaction": message.interaction,
        "interaction_metadata": message.interaction_metadata,
        "only_for": message.only_for,
        "files": [
            {"filename": file.filename, "content": base64.b64encode(file.content).decode()}
            for file in message.files
        ],
    }


def write_data_folder(folder, comfyui_url):
    """A workflow whose pictures are tiny, and one backend by a name of its own."""
    shipped = LIBRARY / "txt2img-sd"
    small = folder / "workflows" / "small"
    small.mkdir(parents=True)
    graph = json.loads((shipped / "graph.json").read_text())
    graph["5"]["inputs"].update(width=PICTURE_SIDE, height=PICTURE_SIDE)
    (small / "graph.json").write_text(json.dumps(graph))
    manifest = (shipped / "workflow.toml").read_text()
    size = re.search(r'\[\[input\]\]\nname = "size".*?\n\n', manifest, re.DOTALL)[0]
    (small / "workflow.toml").write_text(manifest.replace(size, ""))
    (folder / "backends.toml").write_text(BACKENDS.format(url=comfyui_url))


@asynccontextmanager
async def running_bot(world, data, database_url):
    """`limner run` as a process of its own, killed at the end."""
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH")} | {
        "DISCORD_TOKEN": world.token,
        "LIMNER_DATA": str(data),
        "PYTHONWARNINGS": "ignore",
    }
    if database_url:
        environment["DATABASE_URL"] = database_url
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.bot_process"),
        *(world.address.api_base, world.address.gateway_url),
        cwd=data.parent,
        env=environment,
    )
    try:
        await world.wait_until_connected(PATIENCE_S)
        yield
    finally:
        child.kill()
        await child.wait()


async def record(folder, database_url):
    data = folder / "data"
    async with ComfyUIStandIn(step_seconds=0, load_seconds=0) as comfyui, DiscordStandIn() as world:
        write_data_folder(data, comfyui.url)
        session = Session(world, comfyui)
        async with running_bot(world, data, database_url):
            await session.play()
        text = json.dumps(session.recorded(), ensure_ascii=False, indent=1)
        (folder / "world.json").write_text(text, encoding="utf-8")


def dump(database_url, command, path):
    """Write statements alone, which any client can load: psql's own commands are left out."""
    options = (
        "--inserts",
        "--rows-per-insert=50",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
    )
    done = subprocess.run(  # noqa: S603 - what the developer typed
        [*shlex.split(command), *options, database_url], check=True, capture_output=True, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line and line[0] != "\\"]
    kept = [line for line in lines if not line.startswith("--")]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--database-url")
    parser.add_argument("--dump-command", default="pg_dump")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(record(folder, arguments.database_url))
        if arguments.database_url:
            dump(arguments.database_url, arguments.dump_command, folder / "dump.sql")
        with tarfile.open(arguments.archive, "w:xz") as archive:
            for path in sorted(folder.rglob("*")):
                archive.add(path, path.relative_to(folder), recursive=False)


if __name__ == "__main__":
    main()
