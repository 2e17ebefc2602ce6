"""What people read can be said in their language: its English is found, and German is complete."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from discord import app_commands

from bot.client import LimnerClient

ROOT = Path(__file__).parents[3]
PACKAGES = ("bot", "generation", "workflows")

SAID_AT = {
    "_": (0,),
    "mark": (0,),
    "plural": (0, 1),
    "RequestRefused": (1,),
    "GenerationFailed": (1,),
    "Failure": (1,),
    "NotPermitted": (0,),
    "ServiceUnavailable": (0,),
    "InvalidImage": (0,),
    "InvalidValue": (1,),
    "_refused": (1,),
}
"""Which arguments of these are sentences."""

DESCRIPTION_CHARACTERS = 100
"""Discord's limit for what a command or an option says of itself."""

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
        elif getattr(call.func, "attr", "") == "__init__" and name in ERRORS:
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


def plural_forms():
    """The form for many by the form for one."""
    return {
        call.args[0].value: call.args[1].value
        for _, call in calls()
        if isinstance(call.func, ast.Name) and call.func.id == "plural"
    }


def places(sentence):
    return set(re.findall(r"\{([a-z_]+)\}", sentence))


@pytest.fixture(scope="module")
def german():
    with (ROOT / "bot" / "i18n" / "languages" / "de.po").open("rb") as file:
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


def test_german_is_complete(german, described):
    wanted = (english() | described) - set(plural_forms().values())
    assert wanted - german.keys() == set(), "add these to bot/i18n/languages/de.po"
    assert german.keys() - wanted == set(), "nothing says these any more"


def test_german_says_the_same(german):
    many = plural_forms()
    for source, entry in german.items():
        assert not entry.fuzzy
        pairs = [(source, entry.string)]
        if not isinstance(entry.string, str):
            one, several = entry.string
            assert entry.id == (source, many[source])
            pairs = [(source, one), (many[source], several)]
        for said, translated in pairs:
            assert translated
            assert places(translated) == places(said), said


def test_descriptions_fit_in_german_too(german, described):
    for said in described & german.keys():
        assert len(german[said].string) <= DESCRIPTION_CHARACTERS
