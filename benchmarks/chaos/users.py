"""Simulated users who request pictures, cancel, retry, and moderate at random."""

import asyncio
import io
import itertools
import random
import re
from collections import Counter
from contextlib import suppress

from PIL import Image

from sandbox.discord_api.errors import NotPossible
from sandbox.discord_api.model.components import interactive
from sandbox.discord_api.server import DiscordStandIn
from sandbox.discord_api.values import JsonObject, MessageFlag
from sandbox.people import Person

NAMES = ("ana", "ben", "mo", "ada")
CHANNEL = "general"
REVIEWED_CHANNEL = "pictures"
"""Where results wait for a moderator."""

MODERATORS = "moderators"
MODERATOR = "mo"

UNDONE_SHARE = 0.4
"""Of the decisions."""

PANEL_S = 10.0
"""How long a moderator waits for what `/mod review` shows."""

LONGEST_PAUSE_S = 2.5
"""Most seconds between two actions of one person."""

RUSH_PAUSE_S = 0.05
"""Seconds between two requests of a rush."""

ACTIONS = ("imagine", "reviewed", "private", "attachment", "cancel", "retry", "again")
WEIGHTS = (8, 6, 2, 2, 4, 2, 2)

DECISION = re.compile(r"r:[a-z0-9]+:(approve|refuse)|v:(approve|refuse):")
UNDO = re.compile(r"r:[a-z0-9]+:undo|v:undo:")
"""Buttons of moderators; one that refuses a single result opens a modal."""


class SimulatedUsers:
    """Users who act at random moments; their actions are counted."""

    def __init__(self, world: DiscordStandIn, chance: random.Random) -> None:
        self._world = world
        self._chance = chance
        self._numbers = itertools.count(1)
        self.actions: Counter[str] = Counter()
        self.undo_decisions = True

    async def act_for_ever(self) -> None:
        """Let all users act until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name in NAMES:
                group.create_task(self._act(Person(self._world, name)))

    async def moderate_for_ever(self) -> None:
        """Decide on what waits for a moderator until cancelled."""
        moderator = Person(self._world, MODERATOR)
        while True:
            await asyncio.sleep(self._chance.uniform(0, LONGEST_PAUSE_S))
            try:
                if self._chance.random() < 0.5:  # noqa: PLR2004 - half
                    await self._review(moderator)
                else:
                    await self._decide_in_channel(moderator)
            except (NotPossible, TimeoutError):
                continue

    async def _review(self, moderator: Person) -> None:
        """Decide on what `/mod review` shows first, and undo it now and then."""
        panel = await moderator.slash(CHANNEL, "mod review")
        message = await panel.until(_is_panel, PANEL_S)
        if _matching(message, DECISION):
            await self._decide(moderator, message, DECISION)
            self.actions["review"] += 1
            if self._undoes():
                message = await panel.until(lambda one: bool(_matching(one, UNDO)), PANEL_S)
                await self._decide(moderator, message, UNDO)
                self.actions["undo"] += 1

    async def _decide_in_channel(self, moderator: Person) -> None:
        buttons = UNDO if self._undoes() else DECISION
        cards = [card for card in moderator.messages(MODERATORS) if _matching(card, buttons)]
        if cards:
            await self._decide(moderator, self._chance.choice(cards), buttons)
            self.actions["undo" if buttons is UNDO else "decision"] += 1

    def _undoes(self) -> bool:
        return self.undo_decisions and self._chance.random() < UNDONE_SHARE

    async def _decide(
        self, moderator: Person, message: JsonObject, buttons: re.Pattern[str]
    ) -> None:
        """Press one of these buttons, and fill in the modal that it may open."""
        pressed = await moderator.click(message, self._chance.choice(_matching(message, buttons)))
        if pressed.modal is not None:
            await moderator.fill(pressed.modal, {"kind": "hate", "reason": "number"})

    async def rush(self) -> None:
        """Send 20 requests a second until cancelled."""
        people = [Person(self._world, name) for name in NAMES]
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._ask_in_a_rush(self._chance.choice(people)))
                await asyncio.sleep(RUSH_PAUSE_S)

    async def _ask_in_a_rush(self, person: Person) -> None:
        with suppress(NotPossible, TimeoutError):
            self.actions["rush"] += await self._imagine(person, "rush")

    async def _act(self, person: Person) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0, LONGEST_PAUSE_S))
            if not self._world.gateway.is_connected:
                continue
            act = self._chance.choices(ACTIONS, WEIGHTS)[0]
            try:
                if act in ("cancel", "retry", "again"):
                    done = await self._press(person, act)
                else:
                    done = await self._imagine(person, act)
            except (NotPossible, TimeoutError):
                # The commands are not there yet, or the button is gone already.
                continue
            self.actions[act] += done

    async def _imagine(self, person: Person, act: str) -> bool:
        # The name makes the prompt, and what is made from it, unlike everybody else's.
        prompt = f"a fox in the hills number{next(self._numbers):05d}x"
        await person.slash(
            REVIEWED_CHANNEL if act == "reviewed" else CHANNEL,
            "imagine",
            prompt=prompt,
            steps=self._chance.randint(1, 8),
            count=self._chance.choice((None, None, 2, 3)),
            private=True if act == "private" else None,
            image=_picture(self._chance) if act == "attachment" else None,
        )
        return True

    async def _press(self, person: Person, action: str) -> bool:
        """Press such a button on one of the person's newest messages, where there is one."""
        found = [
            (message, custom_id)
            for message in person.messages()[-20:]
            for custom_id in _buttons(message, action)
        ]
        if not found:
            return False
        message, custom_id = self._chance.choice(found)
        await person.click(message, custom_id)
        return True


def _buttons(message: JsonObject, action: str) -> list[str]:
    ids = [str(part.get("custom_id", "")) for part in interactive(message["components"])]
    return [id_ for id_ in ids if id_.startswith("g:") and f":{action}:" in id_]


def _matching(message: JsonObject, buttons: re.Pattern[str]) -> list[str]:
    ids = [str(part.get("custom_id", "")) for part in interactive(message["components"])]
    return [id_ for id_ in ids if buttons.match(id_)]


def _is_panel(message: JsonObject) -> bool:
    return not message["flags"] & MessageFlag.LOADING


def _picture(chance: random.Random) -> bytes:
    content = io.BytesIO()
    colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
    Image.new("RGB", (96, 64), colour).save(content, "PNG")
    return content.getvalue()
