"""What is told of a reviewed result while its state changes: the last word is what is recorded."""

import asyncio

import pytest
from dbos import DBOS

from sandbox.people import as_text, files_of
from tests.support.messages import labels_of
from tests.support.reviews import let_undo_time_pass, refuse

PATIENCE_S = 60


def has_pictures(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


def held(message):
    return "Waiting for moderator approval" in as_text(message)


async def answer(person, command, **options):
    reply = await person.slash("general", command, **options)
    return as_text(await reply.until(lambda one: "thinking" not in as_text(one), PATIENCE_S))


async def idle():
    """Once the line has nothing under way."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await DBOS.list_workflows_async(status="PENDING", load_input=False)
            if not found:
                return
            await asyncio.sleep(0.05)


async def hold_results(environment):
    """Review everything, with the moderators' channel; its path for posts."""
    channel = environment.world.channel("moderators").id
    await answer(environment.mo, "mod channel", channel=channel)
    await answer(environment.mo, "mod review", mode="hold")
    return rf"/channels/{channel}/messages$"


async def decide_in_private(environment, *, is_approved):
    panel = await environment.mo.slash("general", "mod review")
    case = await panel.until(lambda one: "Approve" in labels_of(one), PATIENCE_S)
    if is_approved:
        await environment.mo.click(case, "Approve")
    else:
        await refuse(environment.mo, case)
    await panel.until(lambda one: "Nothing to review" in as_text(one), PATIENCE_S)


def cards(environment):
    """What the moderators' channel shows, of results that may be decided on and of others."""
    return environment.mo.messages("moderators")


@pytest.mark.parametrize("is_approved", [True, False])
async def test_a_decision_during_a_slow_post_to_the_moderators_is_the_last_word(
    environment, is_approved
):
    async with environment.bot() as core:
        hold = environment.world.hold_next("POST", await hold_results(environment))
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
        await asyncio.wait_for(hold.arrived.wait(), PATIENCE_S)
        await decide_in_private(environment, is_approved=is_approved)
        if is_approved:
            await reply.until(has_pictures, PATIENCE_S)
        else:
            await let_undo_time_pass(core)
        hold.released.set()
        if not is_approved:
            await reply.until(lambda one: "declined this picture" in as_text(one), PATIENCE_S)
        await idle()
        assert has_pictures(reply.message) is is_approved
        assert not held(reply.message)
        (card,) = cards(environment)
        assert labels_of(card) == (["Undo"] if is_approved else [])
        assert ("Approved by" if is_approved else "Refused by") in as_text(card)
        assert bool(files_of(card)) is is_approved


async def test_an_approval_while_its_person_is_told_to_wait_is_the_last_word(environment):
    async with environment.bot():
        await hold_results(environment)
        # The progress edits come first: only the one that says that it waits is held back.
        posted = environment.world.hold_next("POST", r"/channels/\d+/messages$")
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
        await asyncio.wait_for(posted.arrived.wait(), PATIENCE_S)
        told = environment.world.hold_next("PATCH", rf"/messages/{reply.message['id']}$")
        posted.released.set()
        await asyncio.wait_for(told.arrived.wait(), PATIENCE_S)
        card = await environment.mo.wait_for(lambda one: "Approve" in labels_of(one), PATIENCE_S)
        await environment.mo.click(card, "Approve")
        await environment.mo.wait_for(lambda one: "Approved by" in as_text(one), PATIENCE_S)
        told.released.set()
        await reply.until(has_pictures, PATIENCE_S)
        await idle()
        assert has_pictures(reply.message)


async def test_what_is_deleted_during_a_slow_post_to_the_moderators_asks_for_nothing(environment):
    async with environment.bot() as core:
        hold = environment.world.hold_next("POST", await hold_results(environment))
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
        await asyncio.wait_for(hold.arrived.wait(), PATIENCE_S)
        overview = await core.services.reviews.overview(environment.world.guild_id)
        await answer(environment.mo, "mod delete", result=overview.next_id)
        hold.released.set()
        await idle()
        assert reply.message is None
        (card,) = cards(environment)
        assert labels_of(card) == []
        assert not files_of(card)
        assert "Deleted by" in as_text(card)


async def test_what_is_forgotten_during_a_slow_post_to_the_moderators_leaves_nothing(environment):
    async with environment.bot() as core:
        hold = environment.world.hold_next("POST", await hold_results(environment))
        await environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
        await asyncio.wait_for(hold.arrived.wait(), PATIENCE_S)
        overview = await core.services.reviews.overview(environment.world.guild_id)
        asked = await environment.ana.slash("general", "mydata delete")
        await environment.ana.fill(asked.modal, {})
        await environment.wait_until_forgotten(core, overview.next_id)
        hold.released.set()
        await idle()
        assert cards(environment) == []


async def test_a_channel_that_is_no_longer_the_moderators_shows_nothing(environment):
    async with environment.bot():
        hold = environment.world.hold_next("POST", await hold_results(environment))
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
        await asyncio.wait_for(hold.arrived.wait(), PATIENCE_S)
        await answer(environment.mo, "mod channel", off=True)
        hold.released.set()
        await reply.until(held, PATIENCE_S)
        await idle()
        assert cards(environment) == []


@pytest.mark.parametrize("by_person", [False, True])
async def test_what_is_deleted_while_it_waits_asks_the_moderators_no_longer(environment, by_person):
    async with environment.bot() as core:
        await hold_results(environment)
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=1)
        await reply.until(held, PATIENCE_S)
        await environment.mo.wait_for(lambda one: "Approve" in labels_of(one), PATIENCE_S)
        if by_person:
            asked = await environment.ana.slash("general", "mydata delete")
            await environment.ana.fill(asked.modal, {})
        else:
            overview = await core.services.reviews.overview(environment.world.guild_id)
            await answer(environment.mo, "mod delete", result=overview.next_id)
        await environment.world.wait_for(
            lambda: not any(labels_of(one) or files_of(one) for one in cards(environment)),
            PATIENCE_S,
        )


async def test_a_decision_is_shown_once_though_the_process_is_killed_before_it_is(
    environment, process
):
    async with environment.bot():
        await hold_results(environment)
        for prompt in ("a fox", "an owl"):
            reply = await environment.ana.slash("general", "imagine", prompt=prompt, steps=1)
            await reply.until(held, PATIENCE_S)
        shown = await environment.mo.wait_for(lambda one: "a fox" in as_text(one), PATIENCE_S)
        await environment.mo.click(shown, "Approve")
        await environment.mo.wait_for(lambda one: "Approved by" in as_text(one), PATIENCE_S)
    other, card = sorted(cards(environment), key=lambda one: "an owl" in as_text(one))
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        edit = environment.world.hold_next("GET", rf"/messages/{card['id']}$")
        await decide_in_private(environment, is_approved=False)
        await asyncio.wait_for(edit.arrived.wait(), PATIENCE_S)
        child.kill()
        await child.wait()
        edit.released.set()
    assert [files_of(one) != [] for one in cards(environment)] == [True, True]
    async with process():
        await environment.mo.wait_for(
            lambda one: one["id"] == card["id"] and "Refused by" in as_text(one), PATIENCE_S
        )
    found = {one["id"]: one for one in cards(environment)}
    edited_at = found[other["id"]]["edited_timestamp"]
    assert edited_at == other["edited_timestamp"], "what was shown already is not edited again"
    assert not files_of(found[card["id"]])
