"""Scripted demo session; every step it prints has been verified."""

import asyncio
import io
import re
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp
from PIL import Image, ImageDraw
from rich.console import Console
from rich.markup import escape

from bot.core import Core
from db.database import Session
from db.repositories.guilds import GuildRepository
from sandbox.discord_api import DiscordStandIn
from sandbox.discord_api.model.components import interactive
from sandbox.discord_api.values import JsonObject
from sandbox.people import Person, Reply, as_text, files_of

PATIENCE_S: Final = 180.0
"""Seconds for one generation: a real ComfyUI on a CPU is slow."""

CHANNEL: Final = "general"

_STAMP: Final = re.compile(r"<t:(\d+):R>")
_MENTION: Final = re.compile(r"<@(\d+)>")

Check = Callable[[JsonObject], bool]


class ScriptFailed(Exception):
    """An expected event did not happen; the message is one sentence."""


class Script:
    """Plays a session between the people of the stand-in Discord and the bot."""

    def __init__(self, world: DiscordStandIn, core: Core, console: Console, out: Path) -> None:
        self._world = world
        self._core = core
        self._console = console
        self._out = out
        self._ana, self._ben = Person(world, "ana"), Person(world, "ben")
        self._mo = Person(world, "mo")
        self._began = time.monotonic()

    async def play(self) -> None:
        """Play every scene and save its pictures. Raises ScriptFailed."""
        self._out.mkdir(parents=True, exist_ok=True)
        await self._complete_options()
        picture = await self._draw_from_prompt()
        await self._draw_from_picture(picture)
        await self._cancel_one()
        await self._refuse_by_quota()
        await self._moderate()
        await self._look_back()
        if self._world.unknown_requests or self._world.rate_limit_hits:
            raise ScriptFailed(
                "The bot asked Discord for something it does not offer, or too much."
            )
        out = escape(str(self._out))
        self._console.print(
            f"\nEverything happened. The pictures are in [bold]{out}[/].", soft_wrap=True
        )

    async def _complete_options(self) -> None:
        choices = await self._ana.autocomplete(CHANNEL, "imagine", "workflow", "txt")
        names = ", ".join(str(choice["value"]) for choice in choices)
        self._narrate(f"Ana types /imagine workflow: txt and is offered {names}")
        _require(bool(choices), "The workflow option offered nothing.")

    async def _draw_from_prompt(self) -> bytes:
        self._scene("A picture from a prompt")
        reply = await self._slash(
            self._ana, "imagine", prompt="a fox in the snow under a red sunset", seed=20261122
        )
        ended = await self._follow(self._ana, reply, needs_progress=True)
        return await self._save(ended, "from-prompt")

    async def _draw_from_picture(self, before: bytes) -> None:
        self._scene("A picture from a picture")
        reply = await self._slash(
            self._ben, "imagine", prompt="the same at night, in blue", image=_draw_sketch()
        )
        ended = await self._follow(self._ben, reply, needs_progress=True)
        after = await self._save(ended, "from-picture")
        _require(after != before, "Two requests came to the same picture.")

    async def _cancel_one(self) -> None:
        self._scene("A change of mind")
        reply = await self._slash(self._ana, "imagine", prompt="a city that nobody needs", steps=60)
        running = await self._until(reply, lambda message: "Cancel" in as_text(message))
        self._narrate("Ana presses Cancel")
        await self._ana.click(running, "Cancel")
        ended = await self._follow(self._ana, reply)
        _require("Cancelled" in as_text(ended), "The cancelled generation did not say so.")

    async def _refuse_by_quota(self) -> None:
        self._scene("Enough for today")
        await self._set_daily_limit(1)
        await self._slash(self._ana, "imagine", prompt="one more, please")
        refusal = await self._ana.wait_for(lambda message: "Daily limit" in as_text(message))
        self._say(refusal)
        _require(_is_private(refusal), "The refusal was not private.")
        reply = await self._slash(self._ana, "quota")
        self._say(await self._until(reply, lambda message: "Your quota" in as_text(message)))
        await self._set_daily_limit(None)

    async def _moderate(self) -> None:
        self._scene("A moderator decides, and changes their mind")
        panel = await self._slash(self._mo, "mod review", mode="hold")
        await self._until(panel, lambda message: "thinking" not in as_text(message))
        reply = await self._slash(self._ben, "imagine", prompt="a quiet lake", steps=4)
        self._say(await self._until(reply, _is_held))
        panel = await self._slash(self._mo, "mod review")
        for label, is_told in (("Approve", _has_files), ("Undo 1", _is_held)):
            asked = await self._until(panel, partial(_offers, label))
            self._say(asked)
            self._narrate(f"Mo presses {label}")
            await self._mo.click(asked, label)
            self._say(await self._until(reply, is_told))
        await self._slash(self._mo, "mod review", mode="off")

    async def _look_back(self) -> None:
        self._scene("What Ana made")
        reply = await self._slash(self._ana, "history")
        page = await self._until(reply, lambda message: "Your history" in as_text(message))
        self._say(page)
        text = as_text(page)
        _require("fox" in text and "cancelled" in text, "The history does not list what happened.")
        await self._save(page, "history")

    async def _slash(self, person: Person, name: str, **options: str | int | bytes) -> Reply:
        shown = " ".join(
            f"{option}: {value if not isinstance(value, bytes) else '(a picture)'}"
            for option, value in options.items()
        )
        self._narrate(f"{person.member.name}: /{name} {shown}")
        return await person.slash(CHANNEL, name, **options)

    async def _follow(
        self, person: Person, reply: Reply, *, needs_progress: bool = False
    ) -> JsonObject:
        """Print every state of a reply up to its end."""
        seen: list[str] = []
        has_preview = False

        def changed(message: JsonObject) -> bool:
            text = as_text(message)
            return text not in seen

        while True:
            message = await self._until(reply, changed)
            text = as_text(message)
            seen.append(text)
            has_preview = has_preview or "preview.jpg" in text
            self._say(message)
            if _has_ended(message):
                break
        progressed = any(" % · " in text for text in seen)
        if needs_progress:
            _require(progressed, f"{person.member.name} saw no step progress.")
            _require(has_preview, f"{person.member.name} saw no preview.")
        return message

    async def _until(self, reply: Reply, check: Check) -> JsonObject:
        try:
            return await reply.until(check, PATIENCE_S)
        except TimeoutError:
            last = as_text(reply.message) if reply.message else "no message"
            raise ScriptFailed(f"What was waited for did not come. The last was: {last}") from None

    async def _save(self, message: JsonObject, name: str) -> bytes:
        """Save a message's first picture, having looked into it."""
        found = files_of(message)
        if not found:
            raise ScriptFailed(f"There is no picture to save as {name}.")
        async with _fetched(found[0]["url"]) as content:
            try:
                picture = Image.open(io.BytesIO(content))
                picture.load()
            except (OSError, SyntaxError):
                raise ScriptFailed(f"What should be the picture {name} is none.") from None
            extension = (picture.format or "png").lower()
            path = self._out / f"{name}.{extension}"
            await asyncio.to_thread(path.write_bytes, content)
            self._narrate(f"saved {path} ({picture.width}×{picture.height})")  # noqa: RUF001
            return content

    async def _set_daily_limit(self, limit: int | None) -> None:
        def change(session: Session) -> None:
            GuildRepository(session).update(self._world.guild_id, pictures=limit)

        await self._core.database.write(change)

    def _scene(self, title: str) -> None:
        self._console.rule(f"[bold]{title}", align="left")

    def _narrate(self, line: str) -> None:
        self._console.print(
            f"[dim]{self._clock()}[/] {escape(line)}", highlight=False, soft_wrap=True
        )

    def _say(self, message: JsonObject) -> None:
        first, *rest = self._as_shown(message).splitlines()
        self._console.print(
            f"[dim]{self._clock()}[/] [bold]{escape(first)}[/]", highlight=False, soft_wrap=True
        )
        for line in rest:
            self._console.print(f"          {escape(line)}", highlight=False, soft_wrap=True)

    def _as_shown(self, message: JsonObject) -> str:
        """As Discord's client shows it: names for mentions, words for time stamps."""
        text = _STAMP.sub(lambda found: _relative(int(found[1])), as_text(message))
        return _MENTION.sub(lambda found: f"@{self._world.member(int(found[1])).name}", text)

    def _clock(self) -> str:
        return f"{time.monotonic() - self._began:7.1f} s"


def _relative(moment: int) -> str:
    seconds = moment - round(time.time())
    unit, size = next(
        (name, size)
        for name, size in (("hour", 3600), ("minute", 60), ("second", 1))
        if abs(seconds) >= size or size == 1
    )
    number = abs(seconds) // size
    words = f"{number} {unit}{'' if number == 1 else 's'}"
    return f"in {words}" if seconds >= 0 else f"{words} ago"


def _has_ended(message: JsonObject) -> bool:
    """Whether the message is final: nothing can be cancelled any more."""
    labels = [part.get("label") for part in interactive(message["components"])]
    return bool(labels) and "Cancel" not in labels


def _offers(label: str, message: JsonObject) -> bool:
    return f"[{label}]" in as_text(message)


def _is_held(message: JsonObject) -> bool:
    return "moderator approval" in as_text(message)


def _has_files(message: JsonObject) -> bool:
    return bool(files_of(message)) and "Cancel" not in as_text(message)


def _is_private(message: JsonObject) -> bool:
    return "only you can see this" in as_text(message)


def _require(happened: bool, sentence: str) -> None:  # noqa: FBT001 - read as a sentence
    if not happened:
        raise ScriptFailed(sentence)


def _draw_sketch() -> bytes:
    """Draw a simple picture to attach."""
    picture = Image.new("RGB", (640, 480), "#86b9e8")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((440, 60, 560, 180), fill="#ffd24a")
    draw.polygon(((0, 480), (220, 190), (420, 480)), fill="#5b7d56")
    draw.polygon(((260, 480), (480, 250), (640, 480)), fill="#3f5f46")
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


@asynccontextmanager
async def _fetched(url: str) -> AsyncGenerator[bytes]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        yield await response.read()
