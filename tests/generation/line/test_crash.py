"""The program is killed at every point where something lies between two writes."""

import asyncio
import json
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from db.database import Database
from db.repositories.charges import ChargeRepository
from generation.service import utc_now
from tests.support.processes import start_program

POINTS = ("accepted", "running", "settled", "telling", "told")
PROGRAM = Path(__file__).with_name("crashing.py")
ROOT = PROGRAM.parents[3]


@pytest.fixture
def folder(tmp_path, migrated_sqlite_file, catalog, tools):
    shutil.copyfile(migrated_sqlite_file, tmp_path / "limner.db")
    (tmp_path / "picture.png").write_bytes(tools.PICTURE)
    return tmp_path


async def run_program(folder, user_id, point):
    process = await start_program(
        *(str(PROGRAM), str(folder), str(user_id), point), cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out.decode(), err.decode()


async def test_nothing_is_lost_doubled_or_told_twice_when_the_program_is_killed(folder):
    for user_id, point in enumerate(POINTS, start=1):
        returncode, _, err = await run_program(folder, user_id, point)
        assert returncode == -signal.SIGKILL, err
    returncode, out, err = await run_program(folder, 0, "none")
    assert returncode == 0, err

    ended = json.loads(out)
    assert set(ended) == {f"{user_id} {point}" for user_id, point in enumerate(POINTS, start=1)}
    assert {(state, outputs) for _, state, outputs in ended.values()} == {("succeeded", 1)}

    submissions = (folder / "submissions").read_text().splitlines()
    assert len(submissions) == len(set(submissions)) == len(POINTS)

    posts = Counter((folder / "posts").read_text().splitlines())
    assert posts == {generation_id: 1 for generation_id, _, _ in ended.values()}

    database = Database(f"sqlite:///{folder / 'limner.db'}")
    with database.transaction(read_only=True) as session:
        charges = ChargeRepository(session)
        since = utc_now().replace(year=2020)
        for user_id in range(1, len(POINTS) + 1):
            assert charges.usage(user_id, None, since).spent.pictures == 1
    await database.close()
