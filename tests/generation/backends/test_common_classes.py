"""What backends have in common, and what is kept of it for a start without them."""

import gzip
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from comfy.protocol.object_info import ObjectInfo
from generation.backends.common_classes import CommonClasses
from generation.backends.object_info_cache import PARTS, KnownNodes


def describe(**classes):
    return ObjectInfo.parse(
        {
            name: {"input": {"required": inputs}, "output": ["INT"], "output_name": ["n"]}
            for name, inputs in classes.items()
        }
    )


OLD = describe(A={"how": [["x", "y", "z"]], "many": ["INT", {"min": 0, "max": 50}]})
NEW = describe(
    A={"how": ["COMBO", {"options": ["z", "y", "w"]}], "many": ["INT", {"min": 1, "max": 90}]},
    B={"name": ["STRING", {}]},
)


def test_lists_and_bounds_are_those_that_all_allow():
    classes = CommonClasses((OLD, NEW))
    assert classes.input("A", "how").choices == ("y", "z")
    many = classes.inputs("A")["many"]
    assert (many.min, many.max) == (1, 50)


def test_a_class_of_one_backend_alone_counts():
    classes = CommonClasses((OLD, NEW))
    assert classes.has("B")
    assert classes.outputs("B") == ("INT",)
    assert classes.output_names("B") == ("n",)
    assert not classes.has("C")
    assert classes.input("C", "x") is None
    assert classes.inputs("C") == {}


def test_lists_that_share_nothing_are_put_together():
    apart = describe(A={"how": [["q"]]})
    assert CommonClasses((apart, OLD)).input("A", "how").choices == ("q", "x", "y", "z")


def test_without_a_backend_nothing_is_known():
    classes = CommonClasses(())
    assert not classes.has("A")
    assert classes.outputs("A") == ()
    assert classes.display_name("A") == "A"


def test_what_is_kept_is_read_again_by_name(tmp_path):
    known = KnownNodes(tmp_path / "nodes")
    assert known.load() == {}
    known.save({"127.0.0.1:8188": OLD, "big/one": NEW})
    loaded = KnownNodes(tmp_path / "nodes").load()
    assert {name: info.raw for name, info in loaded.items()} == {
        "127.0.0.1:8188": OLD.raw,
        "big/one": NEW.raw,
    }
    known.save({"big/one": NEW})
    assert list(known.load()) == ["big/one"]
    assert len(list((tmp_path / "nodes").iterdir())) == 1


def test_two_processes_that_keep_it_at_the_same_time_do_not_disturb_each_other(tmp_path):
    def save(_):
        KnownNodes(tmp_path).save({"one": OLD, "two": NEW})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(100)))
    assert KnownNodes(tmp_path).load().keys() == {"one", "two"}


def test_what_a_killed_process_left_is_deleted_later(tmp_path):
    old, new = tmp_path / f"{PARTS}old", tmp_path / f"{PARTS}new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "one").write_bytes(b"")
    os.utime(old, (0, 0))
    KnownNodes(tmp_path).save({})
    assert list(tmp_path.iterdir()) == [new]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b broken",
        gzip.compress(b"{}", mtime=0)[:10] + b"\xff" * 20,
        gzip.compress(b"[]", mtime=0),
        json.dumps({"A": 5}).encode(),
        b"[" * 10**5,
    ],
)
def test_what_is_damaged_is_left_out(tmp_path, content):
    known = KnownNodes(tmp_path)
    known.save({"good": OLD})
    (tmp_path / "bad.json.gz").write_bytes(content)
    assert list(known.load()) == ["good"]
