"""Unfinished work goes on after the database was moved or brought back."""

import pytest
from pydantic import SecretStr

from bot.cli import database as commands
from bot.settings import Settings
from db import maintenance
from generation.line.lease import LineTaken
from tests.support.program import PATIENCE_S


@pytest.fixture
def settings(environment):
    return Settings(data=environment.data)


async def test_work_goes_on_in_postgresql(environment, settings, postgres_url):
    async with environment.bot():
        reply = await environment.imagine_held()
        with pytest.raises(LineTaken, match="already running"):
            await commands.copy(settings, postgres_url, note=lambda *_: None)
    await commands.copy(settings, postgres_url, note=lambda *_: None)
    environment.comfyui.release()
    async with environment.bot(database_url=SecretStr(postgres_url)):
        await environment.world.wait_for(lambda: environment.is_done(reply.message), PATIENCE_S)


async def test_work_of_a_backup_goes_on(environment, settings, tmp_path):
    async with environment.bot():
        reply = await environment.imagine_held()
        await maintenance.backup(settings.effective_database_url, tmp_path / "copy.db")
    kept = await commands.restore(settings, tmp_path / "copy.db")
    assert kept.exists()
    environment.comfyui.release()
    async with environment.bot():
        await environment.world.wait_for(lambda: environment.is_done(reply.message), PATIENCE_S)
