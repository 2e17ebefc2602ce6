"""The data folder's workflows: put there, taken away, switched on and off."""

import json
import tomllib
from concurrent.futures import ThreadPoolExecutor

import pytest

from workflows.errors import InvalidManifest, WorkflowUnusable
from workflows.folders.catalog import Catalog
from workflows.folders.managed_folder import ManagedFolder

MANIFEST = 'title = "Foxes"\ncommand = "foxes"'


@pytest.fixture
def managed(tmp_path):
    return ManagedFolder(tmp_path / "workflows")


@pytest.fixture
def content(graph):
    return json.dumps(graph).encode()


def names(managed):
    catalog = Catalog((managed.folder,))
    catalog.load()
    return list(catalog.workflows), list(catalog.disabled)


def test_what_is_handed_in_is_used_when_it_is_published(managed, content):
    managed.stage("foxes", content)
    assert (managed.staged(), managed.names(), names(managed)) == (("foxes",), (), ([], []))
    assert managed.load_staged("foxes") == content
    managed.publish("foxes", MANIFEST)
    assert (managed.staged(), managed.names(), names(managed)) == ((), ("foxes",), (["foxes"], []))


def test_a_second_one_of_the_same_name_replaces_what_was_handed_in(managed, content):
    managed.stage("foxes", b'{"1": {"class_type": "A", "inputs": {}}}')
    managed.stage("foxes", content)
    assert managed.load_staged("foxes") == content


def test_what_has_no_workflow_in_it_is_not_kept(managed):
    with pytest.raises(WorkflowUnusable):
        managed.stage("foxes", b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("is_published", [False, True])
def test_a_title_is_changed_and_nothing_else(managed, content, is_published):
    managed.stage("foxes", content)
    if is_published:
        managed.publish("foxes", f"# Ours\n{MANIFEST} # known to everybody\n")
    title = 'Foxes "at\\night" 🦊'
    assert managed.set_title("foxes", title)
    if is_published:
        catalog = Catalog((managed.folder,))
        catalog.load()
        manifest = catalog.workflows["foxes"].manifest
        assert (manifest.title, manifest.command) == (title, "foxes")
        text = (managed.folder / "foxes" / "workflow.toml").read_text(encoding="utf-8")
        assert text.startswith("# Ours\ntitle = ")
        assert text.endswith('command = "foxes" # known to everybody\n')
    else:
        assert tomllib.loads(managed.load_staged_manifest("foxes")) == {"title": title}


def test_a_title_is_left_alone_where_it_cannot_be_found(managed, content):
    assert not managed.set_title("foxes", "Foxes")
    managed.stage("foxes", content)
    managed.publish("foxes", 'title = """\nFoxes"""\n')
    with pytest.raises(InvalidManifest):
        managed.set_title("foxes", "Bears")
    assert "Foxes" in (managed.folder / "foxes" / "workflow.toml").read_text()


def test_any_workflow_can_be_switched_off_and_on(managed, content):
    managed.stage("foxes", content)
    managed.publish("foxes", MANIFEST)
    managed.switch_off("foxes")
    managed.switch_off("other")
    assert names(managed) == ([], ["foxes"])
    assert managed.switched_off() == {"foxes", "other"}
    managed.switch_on("foxes")
    assert names(managed) == (["foxes"], [])


def test_two_processes_that_switch_at_the_same_time_do_not_disturb_each_other(managed):
    def switch(_):
        managed.switch_off("foxes")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(switch, range(100)))
    assert managed.switched_off() == {"foxes"}
    assert [path.name for path in managed.folder.iterdir()] == [".off"]


def test_what_is_taken_away_is_kept_where_nobody_looks(managed, content):
    managed.stage("foxes", content)
    managed.publish("foxes", MANIFEST)
    assert managed.remove("foxes")
    assert names(managed) == ([], [])
    assert (managed.folder / ".removed" / "foxes" / "graph.json").read_bytes() == content
    assert not managed.remove("foxes")
    (managed.folder / "bare.json").write_bytes(content)
    assert managed.remove("bare")
    assert names(managed) == ([], [])


@pytest.mark.parametrize("name", ["../outside", "/etc", "", ".", "..", "foxes/../../x"])
def test_no_name_leads_out_of_the_folder(managed, tmp_path, content, name):
    (tmp_path / "outside").mkdir()
    managed.stage("foxes", content)
    assert not managed.remove(name)
    assert managed.load_staged(name) is None
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
def test_a_name_is_made_of_any_file_s(managed, wanted, name):
    assert managed.choose_name(wanted) == name
