"""What a backend sends that is no result: it fails, costs nothing, and its operator hears of it."""

from generation.request import Requester
from sandbox.people import as_text, files_of
from sandbox.scenarios import WrongFile

PATIENCE_S = 60
PAGE = b"<!doctype html><html><body>Please log in</body></html>"
WRONG = {
    "sends us to another address": WrongFile(status=302, location="/login"),
    "answers with 204": WrongFile(status=204),
    "is empty": WrongFile(),
    "is text/html": WrongFile(content=PAGE),
    "is image/svg+xml": WrongFile(content=b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "is application/x-executable": WrongFile(content=b"\x7fELF\x02\x01\x01" + bytes(60)),
}


async def test_what_is_no_picture_is_neither_posted_nor_charged_and_names_its_backend(
    environment, caplog
):
    async with environment.bot() as core:
        requester = Requester(environment.ana.id, "ana", 0, environment.world.guild_id)
        for number, (problem, fault) in enumerate(WRONG.items()):
            environment.comfyui.faults.add(fault)
            reply = await environment.ana.slash(
                "general", "imagine", prompt="a fox", steps=1 + number
            )
            message = await reply.until(
                lambda shown: "Workflow error" in as_text(shown), PATIENCE_S
            )
            assert files_of(message) == []
            (status,) = await core.pool.statuses()
            assert problem in status.problem
            assert f"Backend {status.name}: {status.problem}" in caplog.text
        assert (await core.service.quota(requester)).used == 0
