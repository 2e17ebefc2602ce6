"""Nobody else on the machine reads what is stored."""

import os
import stat

import pytest

PATIENCE_S = 60
pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no modes here")


def exposed(folder):
    """What others may use of a folder, and the names of everything in it."""
    paths = [folder, *folder.rglob("*")]
    return (
        [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077],
        {path.name for path in paths},
    )


async def test_what_is_there_and_what_is_made_is_for_this_user_alone(environment, process):
    for path in environment.data.iterdir():
        path.unlink()
    environment.data.chmod(0o755)
    (environment.data / "backends.toml").write_text("")
    (environment.data / "workflows").mkdir()
    for path in environment.data.iterdir():
        path.chmod(0o755)
    async with process():
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=2)
        await reply.until(environment.is_done, PATIENCE_S)
        found, names = exposed(environment.data)
    assert names >= {"limner.db", "limner.db-wal", "engine.db", "engine.db-wal", "backends.toml"}
    assert not found


async def test_check_says_what_others_may_read_and_a_backup_is_private(limner, tmp_path):
    data = tmp_path / "data"
    done = await limner("db", "upgrade", LIMNER_DATA=str(data))
    assert done.returncode == 0, done.stderr
    assert not exposed(data)[0]
    await limner("db", "backup", "copy.db", LIMNER_DATA=str(data))
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert "Other users" not in (await limner("check", LIMNER_DATA=str(data))).stdout
    (data / "limner.db").chmod(0o644)
    said = (await limner("check", LIMNER_DATA=str(data))).stdout
    assert f"Other users of this machine can access {data / 'limner.db'}" in said


async def test_what_generate_keeps_is_private(limner, tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "backends.toml").write_text("")
    (data / "backends.toml").chmod(0o644)
    await limner("generate", "a fox", COMFYUI_URLS="http://127.0.0.1:9", LIMNER_DATA=str(data))
    found, names = exposed(data)
    assert "backends.toml" in names
    assert not found


async def test_a_database_elsewhere_is_private_too(limner, tmp_path):
    await limner("db", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path / 'other.db'}")
    (tmp_path / "other.db").chmod(0o644)
    await limner("db", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path / 'other.db'}")
    assert stat.S_IMODE((tmp_path / "other.db").stat().st_mode) == 0o600
