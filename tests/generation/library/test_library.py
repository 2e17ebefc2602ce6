"""The library learns of nodes from backends, and keeps what it learned for a start without them."""

import json
from datetime import UTC, datetime

import pytest

from comfy.protocol.object_info import ObjectInfo
from db.repositories.audit import AuditRepository
from generation.backends.members import PoolMember
from generation.backends.object_info_cache import KnownNodes
from generation.backends.pool import BackendPool
from generation.errors import RequestRefused
from generation.library.library import Library
from generation.request import Actor
from workflows.folders.catalog import Catalog
from workflows.folders.managed_folder import ManagedFolder

INFO = ObjectInfo.parse(
    {
        "Draw": {
            "input": {
                "required": {
                    "prompt": ["STRING", {"multiline": True}],
                    "seed": ["INT", {"min": 0, "max": 99, "control_after_generate": True}],
                    "model": [["big.safetensors"]],
                }
            },
            "output": ["IMAGE"],
            "output_name": ["image"],
        },
        "SaveImage": {
            "input": {"required": {"images": ["IMAGE"]}},
            "output": [],
            "output_node": True,
        },
    }
)
EXPORT = {
    "nodes": [
        {
            "id": 1,
            "type": "Draw",
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "image", "type": "IMAGE", "links": [1]}],
            "widgets_values": ["a fox", 5, "fixed", "small.safetensors"],
        },
        {
            "id": 2,
            "type": "SaveImage",
            "mode": 0,
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
            "outputs": [],
        },
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    "version": 0.4,
}
CONTENT = json.dumps(EXPORT).encode()


@pytest.fixture
def build(tmp_path, backend, database, clock):
    """A library over one backend; each call is another start on the same data folder."""

    def build_():
        folder = tmp_path / "data" / "workflows"
        folder.mkdir(parents=True, exist_ok=True)
        catalog = Catalog((folder,))
        pool = BackendPool([PoolMember(backend)])
        library = Library(
            catalog=catalog,
            pool=pool,
            managed=ManagedFolder(folder),
            known=KnownNodes(tmp_path / "data" / "object_info"),
            database=database,
            clock=clock,
        )
        return library, catalog, pool

    return build_


@pytest.fixture
def clock():
    return lambda: datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def described(backend):
    backend.info = INFO
    return backend


async def test_what_the_editor_saved_waits_for_a_backend_and_then_becomes_a_command(
    build, described, tmp_path
):
    library, catalog, pool = build()
    changes = []
    (tmp_path / "data" / "workflows" / "fox.json").write_bytes(CONTENT)
    await library.open()
    library.listen(lambda: changes.append(list(catalog.workflows)))
    assert catalog.waiting == ("fox",)
    assert [entry.state for entry in library.entries()] == ["waiting for a GPU"]
    await pool.inventory.refresh(described.name)
    assert changes == [["fox"]]
    manifest = catalog.workflows["fox"].manifest
    assert (manifest.command, sorted(manifest.options)) == ("fox", ["prompt", "seed"])
    assert manifest.find("seed").max == 99
    await pool.inventory.refresh(described.name)
    assert len(changes) == 1  # it said the same


async def test_commands_exist_at_a_start_while_the_backend_is_away(build, described, tmp_path):
    library, _, pool = build()
    (tmp_path / "data" / "workflows" / "fox.json").write_bytes(CONTENT)
    await library.open()
    await pool.inventory.refresh(described.name)
    again, catalog, _ = build()
    await again.open()
    assert list(catalog.workflows) == ["fox"]


async def test_a_file_is_handed_in_enabled_and_taken_away(build, described, database):
    library, catalog, pool = build()
    await library.open()
    await pool.inventory.refresh(described.name)
    who = Actor(7, 5)
    report = await library.stage(who, CONTENT, "Red Fox.json")
    assert (report.name, report.is_usable) == ("red_fox", True)
    assert report.backends[0].can_run
    assert report.backends[0].stand_ins == {"small.safetensors": "big.safetensors"}
    assert await library.seconds("red_fox") is None
    await library.enable(who, "red_fox")
    assert catalog.workflows["red_fox"].manifest.command == "red_fox"
    await library.disable(who, "red_fox")
    assert (list(catalog.workflows), list(catalog.disabled)) == ([], ["red_fox"])
    await library.enable(who, "red_fox")
    await library.remove(who, "red_fox")
    assert library.entries() == ()
    with database.transaction(read_only=True) as session:
        rows = AuditRepository(session).page(5, limit=10)
    assert [row.action for row in reversed(rows)] == [
        "stage-workflow",
        "enable-workflow",
        "disable-workflow",
        "enable-workflow",
        "remove-workflow",
    ]


async def test_unknown_nodes_are_named_and_the_rest_is_shown(build, described):
    library, _, pool = build()
    await library.open()
    await pool.inventory.refresh(described.name)
    strange = json.loads(CONTENT)
    strange["nodes"][1]["type"] = "SaveElsewhere"
    report = await library.stage(Actor(7, 5), json.dumps(strange).encode(), "strange.json")
    assert not report.is_usable
    assert "SaveElsewhere is not installed" in report.problems[0]
    assert report.backends[0].nodes == ("SaveElsewhere",)
    assert "prompt" in {one.name for one in report.inputs}
    with pytest.raises(RequestRefused, match="is not installed"):
        await library.enable(Actor(7, 5), "strange")


async def test_a_folder_that_cannot_be_written_to_is_told_in_words(build, described, tmp_path):
    library, _, pool = build()
    await library.open()
    await pool.inventory.refresh(described.name)
    (tmp_path / "data" / "workflows" / ".staged").write_text("no folder")
    with pytest.raises(RequestRefused, match=r"cannot be written to: .+\. Tell"):
        await library.stage(Actor(7, 5), CONTENT, "Red Fox.json")
