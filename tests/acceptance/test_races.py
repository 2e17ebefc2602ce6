"""Two who act at the same moment: one of them decides, and everything agrees with it."""

import asyncio
from contextlib import suppress

from db.repositories.audit import AuditRepository
from generation.history.queries import HistoryFilter
from generation.record import GenerationState
from sandbox.discord_api.errors import NotPossible
from sandbox.people import Person, as_text, files_of
from tests.support.messages import id_of, labels_of, press_more
from tests.support.reviews import let_undo_time_pass

PATIENCE_S = 60


def has_pictures(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


async def answer(person, command, **options):
    reply = await person.slash("general", command, **options)
    return as_text(await reply.until(lambda message: "thinking" not in as_text(message)))


async def deeds(core, guild_id):
    with core.database.transaction(read_only=True) as session:
        rows = AuditRepository(session).page(guild_id, before_id=None, limit=50)
        return [(row.action, row.subject) for row in rows]


async def settled(core):
    """Once nothing waits to be told."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await core.service.history(HistoryFilter(), limit=50)).generations
            if all(one.delivered_at is not None for one in found):
                return found
            await asyncio.sleep(0.05)


async def test_one_moderator_approves_while_another_refuses(environment):
    other = Person(environment.world, "ada")
    async with environment.bot() as core:
        channel = environment.world.channel("moderators").id
        await answer(environment.mo, "mod channel", channel=channel)
        await answer(environment.mo, "mod review", mode="hold")
        for _ in range(4):
            reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
            await reply.until(
                lambda one: "Waiting for moderator approval" in as_text(one), PATIENCE_S
            )
            asked = await environment.mo.wait_for(
                lambda one: "[Approve]" in as_text(one), PATIENCE_S
            )
            refusal = await other.click(asked, "Refuse…")
            await asyncio.gather(
                environment.mo.click(asked, "Approve"),
                other.fill(refusal.modal, {"kind": "hate", "reason": ""}),
            )
            await environment.mo.wait_for(
                lambda one, id_=asked["id"]: one["id"] == id_ and "Approve" not in labels_of(one),
                PATIENCE_S,
            )
            await let_undo_time_pass(core)
            await reply.until(
                lambda one: has_pictures(one) or "declined this picture" in as_text(one), PATIENCE_S
            )
            (made, *_) = await settled(core)
            acts = [
                act
                for act, subject in await deeds(core, environment.world.guild_id)
                if subject == made.id
            ]
            assert acts in (["approve"], ["refuse"])
            is_shown = acts == ["approve"]
            assert has_pictures(reply.message) is is_shown
            assert made.withheld is not is_shown
            assert (made.removed_at is None) is is_shown
            assert bool(await core.service.contents(made.id)) is is_shown


async def test_somebody_deletes_what_another_enlarges(environment):
    async with environment.bot() as core:
        for _ in range(3):
            reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
            made = await reply.until(has_pictures, PATIENCE_S)
            asked = await press_more(environment.ana, made, "Delete")
            _, larger = await asyncio.gather(
                environment.ana.fill(asked.modal, {}), environment.ben.click(made, "Upscale")
            )
            del larger
            await environment.world.wait_for(lambda reply=reply: reply.message is None, PATIENCE_S)
            gone = await core.service.find(id_of(made))
            assert gone.removed_at is not None
            assert await core.service.contents(gone.id) == ()
            for one in await settled(core):
                assert one.state is not GenerationState.FAILED
                if one.parent_id == gone.id:
                    assert one.user_id == environment.ben.id


async def test_what_somebody_made_is_deleted_while_they_make_more(environment):
    environment.comfyui.step_seconds = 0.1
    async with environment.bot() as core:
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
        first = id_of(await reply.until(has_pictures, PATIENCE_S))
        running = await environment.ana.slash("general", "imagine", prompt="a wolf", steps=60)
        await running.until(lambda one: "/" in as_text(one), PATIENCE_S)
        asked = await environment.ana.slash("general", "mydata delete")
        told, _ = await asyncio.gather(
            environment.ana.fill(asked.modal, {}),
            answer(environment.mo, "mod purge", user=environment.ana.id),
        )
        await told.until(lambda one: "Deleting" in as_text(one), PATIENCE_S)
        await environment.world.wait_for(lambda: reply.message is None, PATIENCE_S)
        await environment.wait_until_forgotten(core, first)
        done = await running.until(has_pictures, PATIENCE_S)
        (left,) = await settled(core)
        assert left.id == id_of(done)
        assert left.removed_at is None


async def test_somebody_cancels_at_the_moment_it_ends(environment):
    # Progress, and Cancel with it, is first shown after two seconds.
    environment.comfyui.step_seconds = 0.2
    async with environment.bot() as core:
        for steps in (9, 10, 11, 12, 14):
            reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=steps)
            seen = await reply.until(
                lambda one: "Cancel" in as_text(one) or has_pictures(one), PATIENCE_S
            )
            with suppress(NotPossible):  # it has ended: the button is gone
                await environment.ana.click(seen, "Cancel")
            await reply.until(
                lambda one: has_pictures(one) or "Cancelled" in as_text(one), PATIENCE_S
            )
            (made, *_) = await settled(core)
            assert has_pictures(reply.message) is (made.state is GenerationState.SUCCEEDED)
            assert bool(made.outputs) is (made.state is GenerationState.SUCCEEDED)
