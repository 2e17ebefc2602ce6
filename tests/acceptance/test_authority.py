"""Who may do what: the table of docs/moderation.md, every cell of it tried on the running bot.

What Discord's own settings show to whom is switched off here: the bot decides alone.
"""

import re
import shutil
import time
from pathlib import Path

import pytest
from discord.ui import DynamicItem

from bot.replies.buttons import PictureMenu
from bot.ui.components import PersistentItem
from sandbox.discord_api.errors import NotPossible
from sandbox.discord_api.values import Member, Permission, Role, Upload
from sandbox.people import Person, as_text, files_of
from tests.support.messages import id_of
from tests.support.pictures import build_picture

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60

PRIORITY_ROLE, MANAGER_ROLE = 1183999000000000001, 1183999000000000002

REFUSALS = (
    "You need Manage",
    "Only the people who run this bot",
    "Only the person who made",
    "You can't make pictures here",
    "There are no moderators here",
)
"""What somebody reads who may not; every other answer is about what was asked, not who asked."""

GRAPH = b'{"1": {"class_type": "SaveImage", "inputs": {}}}'

PICTURE = build_picture(size=(320, 240))

OWN_COMMAND = "a workflow's own command"

WITH_OPTIONS = {
    "/imagine": {"prompt": "a fox"},
    "/edit": {"prompt": "a fox", "image": PICTURE},
    "/upscale": {"image": PICTURE},
    "/video": {"prompt": "a fox"},
    "/audio": {"prompt": "a song"},
    "/3d": {"image": PICTURE},
    "/describe": {"image": PICTURE},
    OWN_COMMAND: {"prompt": "a fox"},
    "/song": {"prompt": "a song"},
    "/depth": {"image": PICTURE},
    "/replace": {"prompt": "a fox", "image": PICTURE, "find": "dog"},
    "/extend": {"prompt": "a fox", "image": PICTURE},
    "/background": {"image": PICTURE},
    "/presets use": {"name": "mine", "prompt": "a fox"},
    "/presets save": {"name": "mine", "steps": 1},
    "/presets delete": {"name": "other"},
    "/show": {"result": "{result}"},
    "/cancel": {"result": "{waiting}"},
    "/mod show": {"result": "{result}"},
    "/mod delete": {"result": "{spare}"},
    "/mod block": {"user": "{nobody}", "days": 1},
    "/mod unblock": {"user": "{nobody}"},
    "/mod purge": {"user": "{nobody}"},
    "/mod words add": {"word": "zebra"},
    "/mod words remove": {"word": "zebra"},
    "/mod words test": {"text": "zebra"},
    "/mod export": {},
    "/mod pictures add": {"image": PICTURE},
    "/mod pictures remove": {"number": 99},
    "/mod pictures import": {"file": b"00" * 32},
    "/mod pictures mode": {"mode": "refuse"},
    "/limner roles set": {"role": "{role}", "allowance": 9},
    "/limner roles access": {"role": "{role}", "workflows": "*"},
    "/limner roles clear": {"role": "{role}"},
    "/limner bonus give": {"person": "{nobody}", "amount": 1},
    "/limner bonus revoke": {"person": "{nobody}"},
    "/limner channels allow": {"channel": "{channel}"},
    "/limner channels deny": {"channel": "{channel}"},
    "/limner channels workflow": {"channel": "{channel}"},
    "/limner channels gallery": {"channel": "{channel}"},
    "/limner wildcards set": {"name": "mood", "alternatives": "calm|wild"},
    "/limner wildcards remove": {"name": "mood"},
    "/limner backends drain": {"backend": "nowhere"},
    "/limner backends resume": {"backend": "nowhere"},
    "/limner workflows add": {"file": GRAPH},
    "/limner workflows inspect": {"workflow": "draw"},
    "/limner workflows enable": {"workflow": "draw"},
    "/limner workflows disable": {"workflow": "nowhere"},
    "/limner workflows remove": {"workflow": "nowhere"},
}
"""What the commands are given that need something."""

PRESSED = {
    "Upscale": "g:{result}:upscale:0",
    "Vary": "g:{result}:vary:0",
    "Again": "g:{result}:again:0",
    "Remix": "g:{result}:remix:0",
    "Use as prompt": "g:{result}:words:0",
    "Appeal": "a:{result}",
    "Use as input": "g:{result}:input:0",
    "Edit": "g:{result}:edit:0",
    "Animate": "g:{result}:animate:0",
    "Try again": "g:{result}:retry:0",
    "Original": "g:{result}:original:0",
    "Without metadata": "g:{result}:bare:0",
    "Info": "g:{result}:info:0",
    "⋯": "g:{result}:more:0",
    "Copy prompt": "gm:{result}:copy:0",
    "Share": "gm:{result}:share:0",
    "Report": "gm:{result}:report:0",
    "Cancel": "g:{waiting}:cancel:0",
    "Cancel in the queue": "q:cancel:{waiting}",
    "Refresh": "q:refresh:",
    "Delete": "g:{spare}:delete:0",
    "Approve": "r:{result}:approve",
    "Refuse": "r:{result}:refuse",
    "Approve all": "v:approve:{result}",
    "Refuse all": "v:refuse:{result}",
    "Undo": "r:{result}:undo",
    "Undo all": "v:undo:{result}",
    "Open": "v:open:{result}",
    "Back": "v:back:",
    "Refuse all in older messages": "v:ask:{result}",
    "Delete in older messages to moderators": "r:{spare}:delete",
    "Block": "r:{result}:block",
    "buttons of /settings": "s:spoiler",
    "pages of /history": "h:o::0:::::",
    "pages of /mod history": "m0:o::0:::::",
    "pages of /workflows": "w:page:0",
    "Enable": "w:enable:draw",
    "Rename": "w:rename:draw",
    "Try a workflow": "w:try:draw",
    "Set up": "setup:step:1",
    "Try it": "help:try",
}
"""Buttons, by what they carry."""

CHOSEN = {
    "menus of pictures": ("g:{result}:vary:menu", "0"),
    "menus of /settings": ("s:count", "0"),
    "Enable for one role": ("w:role:draw", "{role}"),
    "menus of /limner setup": ("setup:amount", "none"),
    "Decide on single ones…": ("v:pick", "0"),
    "Reason for refusing…": ("v:reason", "0"),
    "Open one… in older messages": ("v:look", "0"),
    "the filter of /history": ("fh:o::0:::::", "0"),
    "Open… in /history": ("h:open", "{result}"),
}
"""Menus, likewise, and what is chosen in them."""

ON_A_MESSAGE = {
    "Image info": "picture",
    "Describe": "picture",
    "Use as input on anybody's picture": "picture",
    "Report image": "result",
    "Block this picture": "picture",
}
"""Entries of the menu of messages, and which message they are used on."""


def read_table():
    """The table of the documents: what may be done, and by whom."""
    text = (ROOT / "docs" / "moderation.md").read_text(encoding="utf-8")
    section = text.partition("## Who may do what")[2]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    kinds = rows[0][1:]
    table = {}
    for acts, *cells in rows[2:]:
        for act in re.sub(r"[`*]", "", acts).split(", "):
            assert act not in table, f"{act} is in the table twice"
            table[act] = {kind: cell == "yes" for kind, cell in zip(kinds, cells, strict=True)}
            assert set(cells) <= {"yes", "no"}
    return table


TABLE = read_table()
KINDS = tuple(next(iter(TABLE.values())))


class Walk:
    """A running bot, one person of each kind, and something to act upon."""

    def __init__(self, environment):
        self.environment = environment
        self.world = environment.world
        self.people = {}
        self.ids = {}
        self.messages = {}

    async def prepare(self):
        """Everybody is who the table says, and the server's line stands still."""
        owner, mo = self.people["owner"], self.people["moderator"]
        await self.ask(owner, "/limner roles set", role=str(PRIORITY_ROLE), priority=True)
        await self.ask(mo, "/mod block", user=str(self.people["blocked"].id))
        for name in ("result", "spare"):
            self.ids[name] = await self.make()
        (shown,) = [
            one
            for one in self.environment.ana.messages("general")
            if self.ids["result"] in as_text(one)
        ]
        self.messages["result"] = shown
        await self.ask(owner, "/limner pause")
        waiting = await self.environment.ana.slash("general", "imagine", prompt="a wolf", steps=1)
        seen = await waiting.until(lambda one: "Cancel" in as_text(one), PATIENCE_S)
        self.ids["waiting"] = re.search(r"g:([a-z0-9]+):cancel", str(seen["components"]))[1]
        self.ids |= {
            "nobody": str(self.people["nobody"].id),
            "role": str(MANAGER_ROLE),
            "channel": str(self.world.channel("after-dark").id),
        }

    async def make(self):
        """A finished result of the requester's."""
        reply = await self.environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
        made = await reply.until(
            lambda one: files_of(one) and "Cancel" not in as_text(one), PATIENCE_S
        )
        return id_of(made)

    async def ask(self, person, name, **options):
        """A command's answer."""
        reply = await person.slash("general", name.removeprefix("/"), **options)
        return as_text(await reply.until(lambda one: "thinking" not in as_text(one), PATIENCE_S))

    def place_of(self, kind):
        """Strangers act in direct messages, the others in the server."""
        if kind == "stranger":
            return self.world.directory.direct_channel(self.people[kind].member)
        return self.world.channel("general")

    async def try_act(self, act, kind):
        """Do it, filling in what is asked; return whether it was refused to this person."""
        person = self.people[kind]
        self.known = dict.fromkeys(self.visible(person))
        try:
            reply = await self.begin(act, kind)
        except NotPossible:
            assert kind == "stranger", "what a server's people use, Discord offers there"
            return True
        if reply.modal is not None and "delete" not in reply.modal.custom_id:
            fields = {"prompt": "a fox", "reason": "look", "kind": "other", "text": "please"}
            asked = str(reply.modal.components)
            given = {name: text for name, text in fields.items() if f"'{name}'" in asked}
            reply = await person.fill(reply.modal, given)
        told = await self.settle(person, reply)
        assert reply.failure is None, f"{act} as {kind}: {reply.failure}"
        assert "Something went wrong" not in told, f"{act} as {kind}: {told}"
        is_refused = any(sentence in told for sentence in REFUSALS)
        if is_refused:
            assert "only you can see this" in told, f"{act} as {kind}: {told}"
        return is_refused

    async def begin(self, act, kind):
        """The act itself, as Discord lets people do it."""
        person, place = self.people[kind], self.place_of(kind)
        if act in ON_A_MESSAGE:
            entry = act.partition(" on ")[0]
            return await person.menu(self.message_for(ON_A_MESSAGE[act], kind), entry)
        if act in PRESSED:
            custom_id = PRESSED[act].format(**self.ids)
            message = self.post(place, {"type": 2, "style": 2, "label": "Press"}, custom_id)
            return await person.click(self.seen(person, message), custom_id)
        if act in CHOSEN:
            custom_id, value = (part.format(**self.ids) for part in CHOSEN[act])
            options = [{"label": "One", "value": value}]
            message = self.post(place, {"type": 3, "options": options}, custom_id)
            return await person.choose(self.seen(person, message), custom_id, value)
        options = {
            name: value.format(**self.ids) if isinstance(value, str) else value
            for name, value in WITH_OPTIONS.get(act, {}).items()
        }
        command = "draw" if act == OWN_COMMAND else act.removeprefix("/")
        return await person.slash(place, command, **options)

    def message_for(self, which, kind):
        """A message with a picture of somebody's, or with the requester's result."""
        person, place = self.people[kind], self.place_of(kind)
        if which == "picture":
            said = person.say(place, "look", [self.picture])
            self.known[said["id"]] = as_text(said)
            return said
        if kind != "stranger":
            return self.messages["result"]
        # What was made in a server can be forwarded, but only the bot's own message is a result.
        button = {"type": 2, "style": 2, "label": "Press"}
        message = self.post(place, button, PRESSED["Info"].format(**self.ids))
        return self.seen(person, message)

    def post(self, place, part, custom_id):
        """A message of the bot's, as an old one or one in another place may be."""
        messages, directory = self.world.messages, self.world.directory
        row = {"type": 1, "components": [part | {"custom_id": custom_id}]}
        body = {"content": "here", "components": [row]}
        new = messages.new(place.id, directory.bot)
        return str(messages.post(new, body, {}, frozenset()).id)

    def visible(self, person):
        """What this person sees, by id."""
        return {str(one.id): one for one in self.world.messages.visible_to(person.member)}

    def seen(self, person, message_id):
        """The message as that person sees it."""
        message = self.world.broadcast.view_of(self.visible(person)[message_id])
        self.known[message_id] = as_text(message)
        return message

    async def settle(self, person, reply):
        """What this person reads once the act is answered."""

        def look():
            if reply.failure is not None or reply.modal is not None:
                return ["answered"]
            new = [one for name, one in self.visible(person).items() if name not in self.known]
            answers = [self.world.broadcast.view_of(one) for one in new]
            if reply.message and reply.message["id"] in self.known:
                answers.append(reply.message)
            told = [as_text(one) for one in answers if as_text(one) != self.known.get(one["id"])]
            return [one for one in told if "is thinking..." not in one]

        return "\n".join(await self.world.wait_for(look, PATIENCE_S))


@pytest.fixture
async def walk(environment):
    """Eight kinds of people, and one to be moderated."""
    walk = Walk(environment)
    walk.picture = Upload("look.png", PICTURE)
    directory = environment.world.directory
    directory.roles[PRIORITY_ROLE] = Role(PRIORITY_ROLE, "Priority", Permission(0), 4)
    directory.roles[MANAGER_ROLE] = Role(MANAGER_ROLE, "Manager", Permission.MANAGE_GUILD, 5)
    roles = {"priority": (PRIORITY_ROLE,), "administrator": (MANAGER_ROLE,)}
    known = {"requester": "ana", "member": "ben", "moderator": "mo", "owner": "ada"}
    for number, kind in enumerate((*KINDS, "nobody")):
        if kind not in known:
            member = Member(
                1183998000000000000 + number, kind, kind, roles.get(kind, ()), "#777777"
            )
            directory.members[member.id] = member
        walk.people[kind] = Person(environment.world, known.get(kind, kind))
    directory.operator = walk.people["operator"].member
    workflow = environment.data / "workflows" / "draw"
    shutil.copytree(ROOT / "workflows" / "library" / "txt2img-sd", workflow)
    manifest = workflow / "workflow.toml"
    manifest.write_text('command = "draw"\n' + manifest.read_text())
    # What people do in an hour is done in seconds here.
    environment.world.rate_limits.now = lambda: time.monotonic() * 1000
    async with environment.bot() as core:
        await environment.limit(core, max_waiting=99, max_line=999, pictures=999)
        for command in environment.world.commands.everything():
            command["default_member_permissions"] = None
        for person in walk.people.values():
            # What waits through all of this took long, and nobody is to be called for it.
            await core.services.preferences.change(person.id, call_after_s=None)
        await walk.prepare()
        yield walk


@pytest.mark.parametrize("kind", KINDS)
async def test_each_may_do_what_the_table_says_and_nothing_else(walk, kind):
    wrong = [
        f"{act}: {'refused' if allowed[kind] else 'let in'}"
        for act, allowed in TABLE.items()
        if await walk.try_act(act, kind) == allowed[kind]
    ]
    assert wrong == []


async def test_every_command_is_in_the_table(environment):
    async with environment.bot():
        commands = {
            name
            for command in environment.world.commands.everything()
            for name in full_names(command)
        }
    assert commands <= TABLE.keys()


def full_names(command):
    """A command's sub-commands as they are typed, or the command itself."""
    found, open_ends = [], [(("/" if command["type"] == 1 else "") + command["name"], command)]
    while open_ends:
        name, one = open_ends.pop()
        inner = [part for part in one.get("options", ()) if part["type"] in {1, 2}]
        open_ends += [(f"{name} {part['name']}", part) for part in inner]
        if not inner:
            found.append(name)
    return found


def test_every_button_and_menu_passes_the_gate():
    assert DynamicItem.__subclasses__() == [PersistentItem]


@pytest.mark.parametrize("item", PersistentItem.__subclasses__(), ids=lambda item: item.__name__)
def test_every_button_and_menu_is_in_the_table(item):
    pattern = item.__discord_ui_compiled_template__
    ids = dict.fromkeys(("result", "waiting", "spare"), "abcde")
    menus = [custom_id for custom_id, _ in CHOSEN.values()]
    carried = [one.format(**ids) for one in (*PRESSED.values(), *menus)]
    matches = [found for found in map(pattern.fullmatch, carried) if found]
    assert matches
    if actions := re.search(r"\?P<action>([a-z|]+)", pattern.pattern):
        wanted = set(actions[1].split("|"))
        # One menu serves both of its actions.
        assert {found["action"] for found in matches} == wanted or item is PictureMenu
    assert TABLE.keys() >= PRESSED.keys() | CHOSEN.keys() | ON_A_MESSAGE.keys()
