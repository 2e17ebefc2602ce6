import asyncio
import json

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from workflows.folders.catalog import Catalog
from workflows.folders.sources import MAX_FILE_BYTES

TOML = """
title = "Everything"

[[input]]
name = "prompt"
type = "text"
targets = ["6.text"]
"""

UI_EXPORT = {"nodes": [], "links": [], "version": 0.4}


@pytest.fixture
def catalog(tmp_path):
    return Catalog((tmp_path,))


def sentences(catalog):
    return [(problem.path.name, problem.sentence) for problem in catalog.problems]


def test_folders_are_workflows(catalog, drop):
    drop("b_2")
    drop("a-1")
    catalog.load()
    assert list(catalog.workflows) == ["a-1", "b_2"]
    assert catalog.problems == ()
    assert catalog.workflows["a-1"].manifest.title == "Everything"


def test_only_what_changed_is_built_anew(catalog, drop):
    drop("one")
    drop("two")
    catalog.load()
    before = dict(catalog.workflows)
    drop("two", toml='title = "Changed"')
    catalog.load()
    assert catalog.workflows["one"] is before["one"]
    assert catalog.workflows["two"].manifest.title == "Changed"


def test_folders_that_do_not_exist_are_empty(tmp_path):
    catalog = Catalog((tmp_path / "no" / "such",))
    catalog.load()
    assert catalog.workflows == {}
    assert catalog.problems == ()


def test_a_later_folder_overrides_an_earlier_one(tmp_path, drop):
    (tmp_path / "own").mkdir()
    drop("one")
    drop("own/one", toml='title = "Mine"')
    drop("two")
    catalog = Catalog((tmp_path, tmp_path / "own"))
    catalog.load()
    assert catalog.workflows["one"].manifest.title == "Mine"
    assert catalog.workflows["two"].manifest.title == "Everything"


def test_a_broken_override_leaves_the_earlier_one_in_use(tmp_path, drop):
    (tmp_path / "own").mkdir()
    drop("one")
    drop("own/one", toml="broken")
    catalog = Catalog((tmp_path, tmp_path / "own"))
    catalog.load()
    assert catalog.workflows["one"].manifest.title == "Everything"
    assert [problem.path.parent.parent.name for problem in catalog.problems][-1] == "own"


@pytest.mark.parametrize(
    ("graph", "sentence"),
    [
        (None, "This file is missing."),
        ("", "This file is empty."),
        (
            '{"1": }',
            (
                "This is not valid JSON: Expecting value at line 1, column 7. "
                "Save it from ComfyUI once more."
            ),
        ),
        ("[" * 100_000, "This is not a workflow: a number or the nesting is too large."),
        ("1" * 5000, "This is not a workflow: a number or the nesting is too large."),
        ([], "This is not a graph: the file must hold a JSON object. Export it from ComfyUI."),
        ({}, "The graph has no nodes. Export it from ComfyUI once more."),
        (
            UI_EXPORT,
            (
                "This is the editor's own format: it waits until a backend has said what its"
                " nodes are."
            ),
        ),
    ],
    ids=[
        "missing",
        "empty",
        "cut",
        "nested",
        "number",
        "list",
        "no-nodes",
        "editor",
    ],
)
def test_a_broken_graph_gets_its_sentence_and_stops_no_other(catalog, drop, graph, sentence):
    assert_is_told_and_stops_no_other(catalog, drop, graph, sentence)


def test_a_graph_that_is_too_large_gets_its_sentence_and_stops_no_other(catalog, drop):
    spaces = " " * (MAX_FILE_BYTES + 1)
    assert_is_told_and_stops_no_other(catalog, drop, spaces, "This file is larger than 64 MiB.")


def assert_is_told_and_stops_no_other(catalog, drop, graph, sentence):
    drop("good")
    drop("broken", graph=graph)
    catalog.load()
    assert list(catalog.workflows) == ["good"]
    assert sentences(catalog) == [("graph.json", sentence)]


def test_a_broken_manifest_gets_its_sentences_and_stops_no_other(catalog, drop):
    drop("good")
    drop("broken", toml="cost = -1")
    drop("untitled", toml=TOML.replace("title", "description"))
    catalog.load()
    assert list(catalog.workflows) == ["good"]
    assert sentences(catalog) == [
        ("workflow.toml", 'Top of the file: "cost" must be at least 0.'),
        ("workflow.toml", 'Top of the file: "title" is missing.'),
    ]
    assert str(catalog.problems[1]).endswith('workflow.toml: Top of the file: "title" is missing.')


def test_a_file_that_is_not_text_is_told(catalog, drop):
    (drop("broken") / "workflow.toml").write_bytes(b"\xff\xfe\x00")
    (drop("folder", graph=None) / "graph.json").mkdir()
    catalog.load()
    assert sentences(catalog) == [
        ("workflow.toml", "This file is not UTF-8 text."),
        ("graph.json", "This file cannot be read: Is a directory."),
    ]


def test_a_byte_order_mark_does_no_harm(catalog, drop):
    folder = drop("marked")
    for name in ("graph.json", "workflow.toml"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text, encoding="utf-8-sig")
    catalog.load()
    assert catalog.problems == ()


def test_a_folder_with_a_bad_name_or_nothing_in_it_is_told(catalog, drop):
    drop("My Workflow")
    drop("empty", toml=None, graph=None)
    catalog.load()
    assert catalog.workflows == {}
    assert sentences(catalog) == [
        (
            "My Workflow",
            "The name of a workflow must have up to 32 small letters, digits, - or _.",
        ),
        ("empty", "This folder has neither a graph.json nor a workflow.toml."),
    ]


def test_hidden_files_and_notes_are_left_alone(catalog, tmp_path, drop):
    drop(".git")
    drop("__pycache__")
    (tmp_path / "README.md").write_text("# notes", encoding="utf-8")
    catalog.load()
    assert catalog.workflows == {}
    assert catalog.problems == ()


def test_a_graph_alone_becomes_a_workflow_with_a_command(catalog, tmp_path, graph):
    (tmp_path / "fox.json").write_text(json.dumps(graph), encoding="utf-8")
    (tmp_path / "Großer Fuchs (2).json").write_text(json.dumps(graph), encoding="utf-8")
    catalog.load()
    assert catalog.problems == ()
    fox = catalog.workflows["fox"]
    assert fox.manifest.command == "fox"
    assert {"prompt", "size", "steps", "cfg", "seed", "model"} <= fox.manifest.options
    assert set(fox.reasons) == {each.name for each in fox.manifest.inputs}
    assert catalog.workflows["grosser_fuchs_2"].manifest.command == "grosser_fuchs_2"


def test_what_stands_beside_a_graph_file_is_the_operator_s_word(catalog, tmp_path, graph):
    (tmp_path / "fox.json").write_text(json.dumps(graph), encoding="utf-8")
    (tmp_path / "fox.toml").write_text('title = "Foxes"\ncost = 3', encoding="utf-8")
    catalog.load()
    fox = catalog.workflows["fox"].manifest
    assert (fox.title, fox.cost, fox.command) == ("Foxes", 3, "fox")
    assert "prompt" in fox.options


def test_the_editor_s_own_format_waits_for_a_backend(catalog, tmp_path):
    (tmp_path / "ui.json").write_text(json.dumps(UI_EXPORT), encoding="utf-8")
    catalog.load()
    assert catalog.workflows == {}
    assert catalog.waiting == ("ui",)
    assert "waits until a backend" in catalog.problems[0].sentence


def test_of_two_with_one_command_the_first_by_name_keeps_its_place(catalog, drop):
    drop("b", toml='title = "B"\ncommand = "draw"')
    drop("a", toml='title = "A"\ncommand = "draw"')
    catalog.load()
    assert list(catalog.workflows) == ["a"]
    assert sentences(catalog) == [
        ("workflow.toml", 'The workflow "a" already has the command "draw".')
    ]
    assert catalog.problems[0].path.parent.name == "b"


def test_a_workflow_that_breaks_stays_in_its_last_good_version(catalog, drop):
    drop("one", toml='title = "Good"')
    catalog.load()
    for _ in range(2):
        drop("one", toml="title = ")
        catalog.load()
        assert catalog.workflows["one"].manifest.title == "Good"
        assert len(catalog.problems) == 1
    drop("one", toml='title = "Better"')
    catalog.load()
    assert catalog.workflows["one"].manifest.title == "Better"
    assert catalog.problems == ()


def test_a_workflow_that_is_taken_away_is_gone(catalog, tmp_path, drop):
    folder = drop("one")
    catalog.load()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    catalog.load()
    assert catalog.workflows == {}
    assert catalog.problems == ()


def test_what_was_handed_out_is_not_changed_by_loading(catalog, drop):
    drop("one")
    catalog.load()
    before = catalog.workflows
    drop("two")
    catalog.load()
    assert list(before) == ["one"]
    with pytest.raises(TypeError):
        before["three"] = before["one"]


@pytest.fixture
async def watched(catalog):
    """The catalog while it is watched, and an event for every change it tells."""
    changed = asyncio.Event()
    watching = asyncio.create_task(catalog.watch(changed.set))
    yield catalog, changed
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


async def until(changed, holds):
    while not holds():
        await changed.wait()
        changed.clear()


async def test_changes_are_noticed_while_watching(watched, drop):
    catalog, changed = watched
    drop("one", toml='title = "First"')
    await until(changed, lambda: "one" in catalog.workflows)
    drop("one", toml='title = "Second"')
    await until(changed, lambda: catalog.workflows["one"].manifest.title == "Second")
    drop("one", toml="broken")
    await until(changed, lambda: catalog.problems)
    assert catalog.workflows["one"].manifest.title == "Second"


async def test_a_folder_that_appears_is_noticed(tmp_path, drop):
    own = tmp_path / "own"
    catalog = Catalog((own,))
    changed = asyncio.Event()
    watching = asyncio.create_task(catalog.watch(changed.set))
    own.mkdir()
    drop("own/one")
    await until(changed, lambda: "one" in catalog.workflows)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


async def test_a_folder_that_is_replaced_is_followed(watched, tmp_path, drop):
    catalog, changed = watched
    drop("one")
    await until(changed, lambda: "one" in catalog.workflows)
    tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-away"))
    await until(changed, lambda: not catalog.workflows)
    tmp_path.mkdir()
    drop("two")
    await until(changed, lambda: "two" in catalog.workflows)


def test_a_picture_that_carries_its_graph_becomes_a_workflow(catalog, tmp_path, graph):
    carried = PngInfo()
    carried.add_text("prompt", json.dumps(graph))
    Image.new("RGB", (8, 8)).save(tmp_path / "fox.png", pnginfo=carried)
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    catalog.load()
    assert catalog.workflows["fox"].manifest.command == "fox"
    assert [problem.path.name for problem in catalog.problems] == ["plain.png"]


def test_what_is_switched_off_is_offered_to_nobody(catalog, tmp_path, drop):
    drop("one")
    drop("two")
    (tmp_path / ".off").write_text("two\n", encoding="utf-8")
    catalog.load()
    assert (list(catalog.workflows), list(catalog.disabled)) == (["one"], ["two"])


def test_what_is_switched_off_stays_so_while_the_list_cannot_be_read(catalog, tmp_path, drop):
    drop("one")
    drop("two")
    switched_off = tmp_path / ".off"
    switched_off.write_text("two\n", encoding="utf-8")
    catalog.load()
    switched_off.unlink()
    switched_off.mkdir()
    catalog.load()
    assert (list(catalog.workflows), list(catalog.disabled)) == (["one"], ["two"])
    assert [problem.path for problem in catalog.problems] == [switched_off]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbftwo\r\n", b"f\xfcchse\ntwo\n"])
def test_whatever_an_editor_makes_of_the_list_what_is_named_is_off(
    catalog, tmp_path, drop, content
):
    drop("one")
    drop("two")
    (tmp_path / ".off").write_bytes(content)
    catalog.load()
    assert (list(catalog.workflows), list(catalog.disabled)) == (["one"], ["two"])


def test_two_files_with_one_name_are_told_and_the_first_counts(tmp_path, catalog, drop):
    drop("one")
    for name in ("My Fox.json", "my_fox.json"):
        (tmp_path / name).write_bytes((tmp_path / "one" / "graph.json").read_bytes())
    catalog.load()
    assert set(catalog.workflows) == {"one", "my_fox"}
    assert sentences(catalog) == [
        ("my_fox.json", "My Fox.json already is the workflow my_fox: rename one of them.")
    ]


def test_long_names_that_begin_alike_stay_different(tmp_path, catalog, drop):
    drop("one")
    for name in ("a_very_long_name_of_a_workflow_one", "a_very_long_name_of_a_workflow_two"):
        graph = (tmp_path / "one" / "graph.json").read_bytes()
        (tmp_path / f"{name}.json").write_bytes(graph)
    catalog.load()
    names = set(catalog.workflows) - {"one"}
    assert len(names) == 2
    assert all(len(name) <= 32 and name.startswith("a_very_long_name_of_a_work") for name in names)
    assert catalog.problems == ()
