"""The data folder's workflows: put there, taken away, switched on and off."""

import json

import pytest

from workflows.catalog import Catalog
from workflows.errors import WorkflowUnusable
from workflows.managed_folder import Shelf

MANIFEST = 'title = "Foxes"\ncommand = "foxes"'


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "workflows")


@pytest.fixture
def content(graph):
    return json.dumps(graph).encode()


def names(shelf):
    catalog = Catalog((shelf.folder,))
    catalog.load()
    return list(catalog.workflows), list(catalog.disabled)


def test_what_is_handed_in_is_used_when_it_is_published(shelf, content):
    shelf.stage("foxes", content)
    assert (shelf.staged(), shelf.names(), names(shelf)) == (("foxes",), (), ([], []))
    assert shelf.load_staged("foxes") == content
    shelf.publish("foxes", MANIFEST)
    assert (shelf.staged(), shelf.names(), names(shelf)) == ((), ("foxes",), (["foxes"], []))


def test_a_second_one_of_the_same_name_replaces_what_was_handed_in(shelf, content):
    shelf.stage("foxes", b'{"1": {"class_type": "A", "inputs": {}}}')
    shelf.stage("foxes", content)
    assert shelf.load_staged("foxes") == content


def test_what_has_no_workflow_in_it_is_not_kept(shelf):
    with pytest.raises(WorkflowUnusable):
        shelf.stage("foxes", b"\x89PNG\r\n\x1a\n")


def test_any_workflow_can_be_switched_off_and_on(shelf, content):
    shelf.stage("foxes", content)
    shelf.publish("foxes", MANIFEST)
    shelf.switch_off("foxes")
    shelf.switch_off("other")
    assert names(shelf) == ([], ["foxes"])
    assert shelf.switched_off() == {"foxes", "other"}
    shelf.switch_on("foxes")
    assert names(shelf) == (["foxes"], [])


def test_what_is_taken_away_is_kept_where_nobody_looks(shelf, content):
    shelf.stage("foxes", content)
    shelf.publish("foxes", MANIFEST)
    assert shelf.remove("foxes")
    assert names(shelf) == ([], [])
    assert (shelf.folder / ".removed" / "foxes" / "graph.json").read_bytes() == content
    assert not shelf.remove("foxes")
    (shelf.folder / "bare.json").write_bytes(content)
    assert shelf.remove("bare")
    assert names(shelf) == ([], [])


@pytest.mark.parametrize("name", ["../outside", "/etc", "", ".", "..", "foxes/../../x"])
def test_no_name_leads_out_of_the_folder(shelf, tmp_path, content, name):
    (tmp_path / "outside").mkdir()
    shelf.stage("foxes", content)
    assert not shelf.remove(name)
    assert shelf.load_staged(name) is None
    assert (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("My Workflow (2).json", "my_workflow_2"),
        ("txt2img-sd.png", "txt2img-sd"),
        ("wan2.1 flf2v.json", "wan2_1_flf2v"),
        ("../../etc/passwd", "passwd"),
        ("wan2.1 fun", "wan2_1_fun"),
        ("狐", "workflow"),
        ("x" * 60, f"{'x' * 27}_42f2"),
    ],
)
def test_a_name_is_made_of_any_file_s(shelf, wanted, name):
    assert shelf.choose_name(wanted) == name
