"""What people read can be said in their language: its English is found, and German is complete."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from discord import app_commands

from bot.client import LimnerClient

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "generation", "workflows")

SAID_AT = {
    "_": (0,),
    "mark": (0,),
    "plural": (0, 1),
    "RequestRefused": (1,),
    "GenerationFailed": (1,),
    "Failure": (1,),
    "Refused": (1,),
    "NotPermitted": (0,),
    "ServiceUnavailable": (0,),
    "InvalidImage": (0,),
    "InvalidPattern": (0,),
    "InvalidValue": (1,),
    "_refused": (1,),
}
"""Which arguments of these are sentences."""

ERRORS = ("generation/errors.py", "workflows/errors.py")
"""Where errors hand their sentence to the class above them."""


def calls():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield name, node


def sentences():
    """Every place of a sentence, with what stands there."""
    for name, call in calls():
        if isinstance(call.func, ast.Name):
            for place in SAID_AT.get(call.func.id, ()):
                if place < len(call.args):
                    yield f"{name}:{call.lineno}", call.args[place]
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
            if name in ERRORS:
                for argument in call.args:
                    if isinstance(argument, ast.Constant):
                        yield f"{name}:{call.lineno}", argument


def english():
    """Every sentence in the code, and what commands say of themselves."""
    found = {
        said.value
        for _, said in sentences()
        if isinstance(said, ast.Constant) and isinstance(said.value, str)
    }
    return {one for one in found if any(character.isalpha() for character in one)}


def places(sentence):
    return set(re.findall(r"\{([a-z_]+)\}", sentence))


@pytest.fixture(scope="module")
def german():
    with (ROOT / "bot" / "languages" / "de.po").open("rb") as file:
        return {
            one.id if isinstance(one.id, str) else one.id[0]: one for one in read_po(file) if one.id
        }


@pytest.fixture
def described(services):
    """What built-in commands and menus say."""
    client = LimnerClient()
    client.serve(services)
    said = set()
    for command in (*client.tree.walk_commands(), *client.tree.get_commands()):
        if isinstance(command, app_commands.ContextMenu):
            said.add(command.name)
            continue
        said.add(command.description)
        for option in getattr(command, "parameters", ()):
            said.add(str(option.description))
            said |= {choice.name for choice in option.choices}
    return {one for one in said if any(character.isalpha() for character in one)}


def test_sentences_are_found():
    assert len(english()) > 200


@pytest.mark.parametrize("said", [pytest.param(one, id=where) for where, one in sentences()])
def test_a_sentence_is_written_out(said):
    assert not isinstance(said, ast.JoinedStr | ast.BinOp), "Put facts into {places}."
