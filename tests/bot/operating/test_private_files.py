"""The data folder on a system without POSIX modes."""

import os
import stat

import pytest

from bot.operating import private_files
from bot.operating.private_files import find_exposed, keep_private


@pytest.fixture
def umask():
    before = os.umask(0o022)
    os.umask(before)
    yield before
    os.umask(before)


def test_without_modes_the_folder_is_made_and_nothing_is_exposed(tmp_path, monkeypatch, umask):
    monkeypatch.setattr(private_files, "HAS_MODES", False)
    keep_private(tmp_path / "data")
    assert (tmp_path / "data").is_dir()
    assert find_exposed(tmp_path) == ()
    assert os.umask(umask) == umask


@pytest.mark.skipif(not private_files.HAS_MODES, reason="needs POSIX modes")
def test_with_modes_it_is_private_also_for_what_is_made_later(tmp_path, umask):
    keep_private(tmp_path / "data")
    (tmp_path / "data" / "new").touch()
    for path in (tmp_path / "data", tmp_path / "data" / "new"):
        assert not stat.S_IMODE(path.stat().st_mode) & private_files.OTHERS
