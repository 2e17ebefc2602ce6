"""What people read can be said in their language: its English is found, and files are complete."""

import ast
import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po
from discord import app_commands

from bot.client import LimnerClient
from bot.i18n.language import languages
from sandbox.discord_api import limits
from tests.support.fake_service import FakeService, build_services
from workflows.folders.catalog import LIBRARY

ROOT = Path(__file__).parents[3]
PACKAGES = ("bot", "generation", "workflows")

SAID_AT = {
    "_": (0,),
    "mark": (0,),
    "plural": (0,),
    "RequestRefused": (1,),
    "InvalidOption": (0,),
    "InvalidAttachment": (0,),
    "NotAllowedHere": (0,),
    "GenerationFailed": (1,),
    "Failure": (1,),
    "NotPermitted": (0,),
    "ServiceUnavailable": (0,),
    "InvalidImage": (0,),
    "InvalidValue": (1,),
    "_refused": (1,),
    "Sentence": (0,),
}
"""Which arguments of these are sentences."""

LIMITED_ARGUMENTS = {
    "open_modal": (2, limits.MODAL_TITLE),
    "text_field": (1, limits.MODAL_LABEL),
    "choice_field": (1, limits.MODAL_LABEL),
    "radio_field": (1, limits.MODAL_LABEL),
    "upload_field": (1, limits.MODAL_LABEL),
}
"""Which argument of these Discord shows, and how long it may be."""

LIMITED_KEYWORDS = {
    "label": limits.LABEL,
    "placeholder": limits.SELECT_TEXT,
    "description": limits.SELECT_TEXT,
}

ERRORS = ("generation/errors.py", "workflows/errors.py")
"""Where errors hand their sentence to the class above them."""


@cache
def calls():
    return [
        (path.relative_to(ROOT).as_posix(), node)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]


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


@cache
def assigned(path):
    """What the names of a module are set to, wherever in it."""
    found = defaultdict(list)
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in getattr(node, "targets", [getattr(node, "target", None)]):
                found[getattr(target, "id", "")].append(node.value)
    return found


def texts_of(path, part):
    """The texts that an expression of a module may be, by way of names, tables and conditions."""
    match part:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name):
            for value in assigned(path)[name]:
                yield from texts_of(path, value)
        case ast.Subscript(value=table):
            yield from texts_of(path, table)
        case ast.Dict(values=parts):
            for one in parts:
                yield from texts_of(path, one)
        case ast.IfExp(body=body, orelse=otherwise):
            yield from texts_of(path, body)
            yield from texts_of(path, otherwise)


def shipped():
    """The texts of the manifests that ship: titles, descriptions, and commands' options."""
    for path in LIBRARY.glob("*/workflow.toml"):
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
        yield from (manifest["title"], manifest["description"])
        if "command" in manifest:
            inputs = manifest["input"]
            yield from (one["description"] for one in inputs if not one.get("hidden"))


@cache
def english():
    """Every sentence in the code and in the manifests that ship."""
    found = {
        text for place, said in sentences() for text in texts_of(place.rpartition(":")[0], said)
    }
    found |= set(shipped())
    return {one for one in found if any(character.isalpha() for character in one)}


@cache
def plural_forms():
    """The form for many by the form for one."""
    return {
        call.args[0].value: call.args[1].value
        for _, call in calls()
        if isinstance(call.func, ast.Name) and call.func.id == "plural"
    }


def messages_in(part):
    """The English of what is translated in a part of the code."""
    for node in ast.walk(part):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "mark", "plural"):
            for argument in node.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def shown_parts(function):
    """The parts of a function that are labels or titles, with how long those may be."""
    assigned = [
        (target.id, node.value)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in getattr(node, "targets", [getattr(node, "target", None)])
        if isinstance(target, ast.Name)
    ]
    yield from ((part, limits.LABEL) for name, part in assigned if "label" in name.lower())
    if "label" in getattr(function, "name", ""):
        yield function, limits.LABEL
    for call in ast.walk(function):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        place, longest = LIMITED_ARGUMENTS.get(name, (len(call.args), 0))
        for argument in call.args[place : place + 1]:
            yield argument, longest
            variable = getattr(argument, "id", "")
            yield from ((part, longest) for known, part in assigned if known == variable)
        for keyword in call.keywords:
            if keyword.arg in LIMITED_KEYWORDS:
                yield keyword.value, LIMITED_KEYWORDS[keyword.arg]
        if name.lower().endswith("button"):
            yield from ((argument, limits.LABEL) for argument in call.args)


@cache
def label_limits():
    """How many characters the translations of labels, titles and placeholders may have."""
    found = {}
    for path in sorted((ROOT / "bot").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = (
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        for function in (tree, *functions):
            for part, longest in shown_parts(function):
                for said in messages_in(part):
                    found[said] = min(longest, found.get(said, longest))
    return found


@pytest.fixture(scope="module", params=sorted(languages()))
def catalogue(request):
    """The file of a language."""
    with (ROOT / "bot" / "i18n" / "languages" / f"{request.param}.po").open("rb") as file:
        return read_po(file, locale=request.param.replace("-", "_"))


@pytest.fixture
def entries(catalogue):
    """Its messages by their English."""
    return {one.id if isinstance(one.id, str) else one.id[0]: one for one in catalogue if one.id}


@pytest.fixture(scope="module")
def described():
    """What built-in commands and menus say, with how long it may be."""
    client = LimnerClient()
    client.serve(build_services(FakeService()))
    said = {}
    for command in (*client.tree.walk_commands(), *client.tree.get_commands()):
        if isinstance(command, app_commands.ContextMenu):
            said[command.name] = limits.COMMAND_NAME
            continue
        options = getattr(command, "parameters", ())
        choices = [choice.name for option in options for choice in option.choices]
        for one in (command.description, *(str(option.description) for option in options)):
            said[one] = limits.COMMAND_DESCRIPTION
        said.update(dict.fromkeys(choices, limits.CHOICE_TEXT))
    assert "…" not in said, "Describe every option: discord.py says this of those that are not."
    return {
        one: longest
        for one, longest in said.items()
        if any(character.isalpha() for character in one)
    }


def pairs(entry):
    """Each English form of a message with its translations."""
    if isinstance(entry.id, str):
        yield entry.id, entry.string
        return
    one, many = entry.id
    *few, several = entry.string
    yield many, several
    for form in few:
        yield one, form


def fixed_words(sentence):
    """What a translation keeps as it is: places, code, names of commands, bold, lines."""
    return sorted(
        re.findall(r"\{[a-z_]+\}|`[^`]*`|(?<![\w/`])/[a-z0-9]+|<[a-z]+:[^>]*>|\*\*|\n", sentence)
    )


def test_sentences_are_found():
    assert len(english()) > 200


def test_every_sentence_is_written_out():
    joined = [where for where, said in sentences() if isinstance(said, ast.JoinedStr | ast.BinOp)]
    assert joined == [], "Put facts into {places}."


def test_a_plural_has_two_forms():
    assert [one for one, many in plural_forms().items() if one == many] == []


def test_nothing_lacks_and_nothing_is_stale(entries, described):
    wanted = english() | described.keys()
    assert wanted - entries.keys() == set(), "add these to this language's file"
    assert entries.keys() - wanted == set(), "nothing says these any more"


def test_a_translation_says_the_same(entries):
    many = plural_forms()
    for source, entry in entries.items():
        assert not entry.fuzzy
        assert isinstance(entry.id, str) or entry.id == (source, many[source])
        for said, translated in pairs(entry):
            assert translated, said
            assert fixed_words(translated) == fixed_words(said)


def test_plural_forms_are_those_of_the_language(catalogue, entries):
    assert (catalogue.num_plurals, catalogue.plural_expr) == tuple(get_plural(catalogue.locale))
    for source, entry in entries.items():
        if not isinstance(entry.id, str):
            assert len(entry.string) == catalogue.num_plurals, source


def test_labels_are_found():
    found = label_limits()
    assert found["Again"] == found["Back"] == limits.LABEL
    assert found["Your settings"] == found["Delete {id}?"] == limits.MODAL_TITLE
    assert found["Prompt"] == limits.MODAL_LABEL


def test_translations_fit_where_they_are_shown(entries, described):
    longest = {**described, **label_limits()}
    for entry in entries.values():
        for said, translated in pairs(entry):
            # Facts that are put in are cut by whoever shows them.
            shown = re.sub(r"\{[a-z_]+\}", "", translated)
            assert len(shown) <= longest.get(said, limits.LAYOUT_TEXT), translated
