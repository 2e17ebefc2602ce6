"""A workflow that is not for everybody: others read nothing of it."""

import shutil

from sandbox.people import as_text
from workflows.folders.catalog import LIBRARY


async def test_nothing_is_told_of_workflows_that_somebody_may_not_use(environment):
    folder = environment.data / "workflows" / "hush"
    shutil.copytree(LIBRARY / "txt2img-sd", folder)
    manifest = folder / "workflow.toml"
    text = manifest.read_text(encoding="utf-8").replace("Text to picture", "Hush hush")
    manifest.write_text(f"{text}\n[access]\nroles = [7]\n", encoding="utf-8")
    async with environment.bot() as core:
        assert core.catalog.workflows["hush"].manifest.title == "Hush hush"
        for command in ("imagine", "history", "settings", "presets save"):
            choices = await environment.ana.autocomplete("general", command, "workflow", "")
            assert choices
            assert "hush" not in str(choices).casefold(), command
        for command in ("imagine", "presets save"):
            asked = {"workflow": "hush"}
            assert not await environment.ana.autocomplete("general", command, "model", "", **asked)
            assert await environment.ana.autocomplete("general", command, "model", "")
        for command in ("help", "settings", "workflows"):
            reply = await environment.ana.slash("general", command)
            shown = await reply.until(lambda one: "thinking" not in as_text(one))
            assert "hush" not in str(shown).casefold(), command
