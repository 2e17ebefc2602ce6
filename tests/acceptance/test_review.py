"""Results that moderators see, hold, approve, refuse, and are told of by others."""

import asyncio

import pytest
from sqlalchemy import update

from db.tables import ReviewRow
from generation.history.queries import HistoryFilter
from generation.request import Actor
from sandbox.discord_api.values import Permission
from sandbox.people import Person, as_text, files_of
from tests.support.messages import choices_of, id_of, is_answered, labels_of
from tests.support.reviews import let_undo_time_pass, refuse

PATIENCE_S = 60


def has_pictures(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


async def answer(person, command, **options):
    reply = await person.slash("general", command, **options)
    return as_text(await reply.until(is_answered, PATIENCE_S))


async def imagine(person, **options):
    return await person.slash("general", "imagine", steps=4, **options)


def held(message):
    return "Waiting for moderator approval" in as_text(message)


async def seen_by_moderators(environment, text):
    return await environment.mo.wait_for(
        lambda message: text in as_text(message) and "Block…" in labels_of(message), PATIENCE_S
    )


def cards(environment):
    """The results that the moderators' channel shows."""
    return [one for one in environment.mo.messages("moderators") if "a fox" in as_text(one)]


async def hold_one(environment):
    """Have one result held; returns its reply and the moderators' card of it."""
    await set_up(environment, "hold")
    reply = await imagine(environment.ana, prompt="a fox", seed=1)
    await reply.until(held, PATIENCE_S)
    return reply, await seen_by_moderators(environment, "a fox")


async def set_up(environment, mode):
    await answer(environment.mo, "mod channel", channel=environment.world.channel("moderators").id)
    return await answer(environment.mo, "mod review", mode=mode)


async def test_a_held_result_is_posted_once_a_moderator_approves(environment):
    async with environment.bot():
        assert "needs approval" in await set_up(environment, "hold")
        reply = await imagine(environment.ana, prompt="a fox", seed=1)
        waiting = await reply.until(held, PATIENCE_S)
        assert not files_of(waiting)
        assert "a fox" not in as_text(waiting)
        asked = await seen_by_moderators(environment, "a fox")
        assert files_of(asked)
        assert all(one["spoiler"] for one in files_of(asked))
        await environment.mo.click(asked, "Approve")
        done = await reply.until(has_pictures, PATIENCE_S)
        assert "a fox" in as_text(done)
        assert "Upscale" in labels_of(done) or "U1" in labels_of(done)


async def test_nothing_of_a_held_result_is_seen_elsewhere(environment):
    async with environment.bot() as core:
        _, asked = await hold_one(environment)
        id_ = id_of(asked)
        generation = await core.service.find(id_)
        assert generation.withheld
        assert generation.outputs == ()
        assert await core.service.contents(id_) == ()
        mine = await environment.ana.slash("general", "history")
        page = await mine.until(lambda message: "a fox" in as_text(message), PATIENCE_S)
        assert not files_of(page)


async def test_a_decision_outlives_a_restart_and_a_refusal_takes_the_results_away(environment):
    async with environment.bot() as core:
        await set_up(environment, "hold")
        reply = await imagine(environment.ana, prompt="a fox", seed=1)
        await reply.until(held, PATIENCE_S)
        asked = await seen_by_moderators(environment, "a fox")
        await core.service._line.reconcile()
        assert held(reply.message), "a held result is no lost delivery"
    async with environment.bot() as core:
        await refuse(environment.mo, asked, "violence", "too much blood")
        closed = await environment.mo.wait_for(lambda one: "Refused by" in as_text(one), PATIENCE_S)
        assert "Violence or gore: too much blood" in as_text(closed)
        assert not files_of(closed)
        assert labels_of(closed) == ["Undo"]
        assert held(reply.message), "nothing is told before it is final"
        assert "**Refused**" in await answer(environment.mo, "mod audit")
    async with environment.bot() as core:
        await let_undo_time_pass(core)
        told = await reply.until(lambda one: "declined this picture" in as_text(one), PATIENCE_S)
        assert "Violence or gore: too much blood" in as_text(told)
        assert not files_of(told)
        assert await core.service.contents(id_of(asked), include_withheld=True) == ()
        await environment.world.wait_for(
            lambda: not any(labels_of(one) for one in environment.mo.messages("moderators")),
            PATIENCE_S,
        )
        (card,) = environment.mo.messages("moderators")
        assert as_text(card).count("Refused by") == 1
        assert "Waiting for approval" not in as_text(card)


async def test_an_approval_is_taken_back_and_decided_anew(environment):
    """As often as a moderator changes their mind, what people see is what is recorded."""
    async with environment.bot() as core:
        reply, asked = await hold_one(environment)
        for _ in range(2):
            await environment.mo.click(asked, "Approve")
            await reply.until(has_pictures, PATIENCE_S)
            closed = await environment.mo.wait_for(
                lambda one: "Approved by" in as_text(one), PATIENCE_S
            )
            assert labels_of(closed) == ["Undo"]
            await environment.mo.click(closed, "Undo")
            hidden = await reply.until(held, PATIENCE_S)
            assert not files_of(hidden)
            asked = await seen_by_moderators(environment, "a fox")
            assert files_of(asked)
        await refuse(environment.mo, asked)
        closed = await environment.mo.wait_for(lambda one: "Refused by" in as_text(one), PATIENCE_S)
        await environment.mo.click(closed, "Undo")
        asked = await seen_by_moderators(environment, "a fox")
        assert files_of(asked)
        await environment.mo.click(asked, "Approve")
        await reply.until(has_pictures, PATIENCE_S)
        await let_undo_time_pass(core)
        late = await environment.mo.click({**asked, "components": closed["components"]}, "Undo")
        assert late.failure is None
        await environment.mo.wait_for(lambda one: "too late to undo" in as_text(one), PATIENCE_S)
        assert has_pictures(reply.message)


@pytest.mark.parametrize("approved", [True, False])
async def test_a_decision_that_could_not_be_told_at_once_is_told_later(environment, approved):
    """Neither its person nor the moderators' channel: the process was killed right after it."""
    async with environment.bot() as core:
        reply, asked = await hold_one(environment)
        id_ = id_of(asked)
        await core.services.reviews.decide(
            Actor(environment.mo.id, environment.world.guild_id), id_, approved=approved
        )
        await let_undo_time_pass(core)
        await reply.until(
            has_pictures if approved else lambda one: "declined this" in as_text(one), PATIENCE_S
        )
        verdict = "Approved by" if approved else "Refused by"
        card = await environment.mo.wait_for(
            lambda one: verdict in as_text(one) and not labels_of(one), PATIENCE_S
        )
        assert card["id"] == asked["id"]
        assert bool(files_of(card)) is approved


async def hold_some(environment, results, **options):
    await answer(environment.mo, "mod review", mode="hold")
    replies = [
        await imagine(environment.ana, prompt=f"a fox {number}", seed=number, **options)
        for number in range(results)
    ]
    for reply in replies:
        await reply.until(held, PATIENCE_S)
    return replies


async def open_queue(environment, text):
    panel = await environment.mo.slash("general", "mod review")
    return panel, await panel.until(lambda one: text in as_text(one), PATIENCE_S)


async def test_moderators_decide_on_several_at_once_from_one_sheet(environment):
    async with environment.bot() as core:
        await environment.limit(core, max_waiting=20, pictures=999)
        replies = await hold_some(environment, 11)
        panel, first = await open_queue(environment, "11 wait")
        assert first["ephemeral"]
        assert [one["filename"] for one in files_of(first)] == ["waiting.png"]
        await environment.mo.click(first, "Approve all 9")
        second = await panel.until(lambda one: "2 waiting" in as_text(one), PATIENCE_S)
        for reply in replies[:9]:
            await reply.until(has_pictures, PATIENCE_S)
        assert all(held(reply.message) for reply in replies[9:])
        await environment.mo.choose(second, "v:reason", "Hate or harassment")
        await panel.until(lambda one: ":3:" in str(one["components"]), PATIENCE_S)
        await environment.mo.click(panel.message, "Refuse all 2")
        await panel.until(lambda one: "Nothing to review" in as_text(one), PATIENCE_S)
        await let_undo_time_pass(core)
        for reply in replies[9:]:
            told = await reply.until(
                lambda one: "declined this picture" in as_text(one), PATIENCE_S
            )
            assert "Hate or harassment" in as_text(told)
        assert (await answer(environment.mo, "mod audit")).count("**Approved**") == 9


async def test_single_ones_are_picked_from_a_sheet_and_all_decisions_undone(environment):
    async with environment.bot() as core:
        await environment.limit(core, max_waiting=20, pictures=999)
        replies = await hold_some(environment, 3)
        panel, sheet = await open_queue(environment, "3 wait")
        first, second, _third = choices_of(sheet)
        await environment.mo.choose(sheet, "v:pick", first, second)
        picked = await panel.until(lambda one: "Approve 2 picked" in labels_of(one), PATIENCE_S)
        assert files_of(picked)
        await environment.mo.click(picked, "Approve 2 picked")
        one_left = await panel.until(lambda one: "1 waiting" in as_text(one), PATIENCE_S)
        for reply in replies[:2]:
            await reply.until(has_pictures, PATIENCE_S)
        assert held(replies[2].message)
        await environment.mo.click(one_left, "Undo 2")
        await panel.until(lambda one: "3 waiting" in as_text(one), PATIENCE_S)
        for reply in replies:
            await reply.until(held, PATIENCE_S)


async def test_a_sheet_has_every_picture_of_what_it_decides_on(environment):
    async with environment.bot() as core:
        await environment.limit(core, max_waiting=20, pictures=999)
        await hold_some(environment, 4, count=4)
        _, first = await open_queue(environment, "4 wait")
        assert "Approve all 4" in labels_of(first)
        assert "13-16" in as_text(first)


async def test_a_private_decision_closes_what_the_moderators_channel_asks(environment):
    async with environment.bot():
        await answer(
            environment.mo, "mod channel", channel=environment.world.channel("moderators").id
        )
        await hold_some(environment, 2)
        asked = [
            one for one in environment.mo.messages("moderators") if "Approve" in labels_of(one)
        ]
        assert len(asked) == 2
        _, sheet = await open_queue(environment, "2 waiting")
        await environment.mo.click(sheet, "Refuse all 2")
        for message in asked:
            closed = await environment.mo.wait_for(
                lambda one, id_=message["id"]: one["id"] == id_ and "Refused by" in as_text(one),
                PATIENCE_S,
            )
            assert not files_of(closed)
            assert labels_of(closed) == ["Undo"]


async def test_what_another_moderator_decided_meanwhile_is_left_as_it_is(environment):
    async with environment.bot() as core:
        replies = await hold_some(environment, 2)
        _, sheet = await open_queue(environment, "2 waiting")
        sees = choices_of(sheet)
        await core.services.reviews.decide(
            Actor(environment.mo.id, environment.world.guild_id), sees[0], approved=False
        )
        await environment.mo.click(sheet, "Approve all 2")
        await environment.mo.wait_for(
            lambda one: "1 was already decided" in as_text(one), PATIENCE_S
        )
        await replies[1].until(has_pictures, PATIENCE_S)
        assert not files_of(replies[0].message)


async def test_moderators_decide_one_after_the_other_in_private(environment):
    async with environment.bot() as core:
        await answer(environment.mo, "mod review", mode="hold")
        replies = [
            await imagine(environment.ana, prompt=f"a fox {number}", seed=number)
            for number in range(2)
        ]
        for reply in replies:
            await reply.until(held, PATIENCE_S)
        panel = await environment.mo.slash("general", "mod review")
        sheet = await panel.until(lambda one: "2 waiting" in as_text(one), PATIENCE_S)
        wanted, *_ = choices_of(sheet)
        await environment.mo.choose(sheet, "v:pick", wanted)
        picked = await panel.until(lambda one: "Open" in labels_of(one), PATIENCE_S)
        await environment.mo.click(picked, "Open")
        looked = await panel.until(lambda one: "Approve" in labels_of(one), PATIENCE_S)
        await environment.mo.click(looked, "Back")
        sheet = await panel.until(lambda one: "Approve all 2" in labels_of(one), PATIENCE_S)
        await environment.mo.choose(sheet, "v:pick", wanted)
        picked = await panel.until(lambda one: "Open" in labels_of(one), PATIENCE_S)
        await environment.mo.click(picked, "Open")
        first = await panel.until(lambda one: "Approve" in labels_of(one), PATIENCE_S)
        assert first["ephemeral"]
        await environment.mo.click(first, "Approve")
        second = await panel.until(lambda one: "1 waiting" in as_text(one), PATIENCE_S)
        await refuse(environment.mo, second)
        await panel.until(lambda one: "Nothing to review" in as_text(one), PATIENCE_S)
        await let_undo_time_pass(core)
        ends = [
            await reply.until(
                lambda one: has_pictures(one) or "declined this picture" in as_text(one), PATIENCE_S
            )
            for reply in replies
        ]
        assert sum(bool(files_of(one)) for one in ends) == 1


async def test_in_a_log_moderators_see_everything_and_take_away_what_they_will(environment):
    async with environment.bot():
        await set_up(environment, "log")
        reply = await imagine(environment.ana, prompt="a fox", seed=1)
        await reply.until(has_pictures, PATIENCE_S)
        logged = await seen_by_moderators(environment, "a fox")
        assert labels_of(logged)[:2] == ["Refuse…", "Block…"]
        blocking = await environment.mo.click(logged, "Block…")
        await environment.mo.fill(blocking.modal, {"days": "2", "reason": "enough"})
        await environment.mo.wait_for(
            lambda one: "is blocked here until" in as_text(one), PATIENCE_S
        )
        await refuse(environment.mo, logged)
        closed = await environment.mo.wait_for(lambda one: "Refused by" in as_text(one), PATIENCE_S)
        await reply.until(held, PATIENCE_S)
        await environment.mo.click(closed, "Undo")
        shown = await reply.until(has_pictures, PATIENCE_S)
        await seen_by_moderators(environment, "a fox")
        case = await environment.mo.slash("general", "mod show", result=id_of(shown))
        asked = await case.until(lambda one: "Refuse…" in labels_of(one), PATIENCE_S)
        await refuse(environment.mo, asked, "person")
        closed = await case.until(lambda one: "Shows a real person" in as_text(one), PATIENCE_S)
        assert labels_of(closed) == ["Undo"]
        await reply.until(held, PATIENCE_S)
        await environment.mo.click(closed, "Undo")
        await reply.until(has_pictures, PATIENCE_S)


async def test_only_what_a_word_points_out_is_shown_when_flagged(environment):
    async with environment.bot():
        await set_up(environment, "flagged")
        await (
            await environment.mo.slash("general", "mod words add", word="fox", action="observe")
        ).until(lambda message: "thinking" not in as_text(message), PATIENCE_S)
        for prompt in ("a wolf", "a fox"):
            reply = await imagine(environment.ana, prompt=prompt, seed=1)
            await reply.until(has_pictures, PATIENCE_S)
        logged = await seen_by_moderators(environment, "a fox")
        assert "Watched word: fox" in as_text(logged)
        assert not any("a wolf" in as_text(one) for one in environment.mo.messages("moderators"))


async def test_members_report_a_result_once(environment):
    async with environment.bot():
        await set_up(environment, "off")
        reply = await imagine(environment.ana, prompt="a fox", seed=1)
        done = await reply.until(has_pictures, PATIENCE_S)
        asked = await environment.ben.menu(done, "Report image")
        thanked = await environment.ben.fill(asked.modal, {"kind": "other", "reason": "it is rude"})
        await thanked.until(lambda one: "Thanks" in as_text(one), PATIENCE_S)
        status = await answer(Person(environment.world, "ada"), "limner status")
        assert "1 result is waiting for a moderator." in status
        shown = await seen_by_moderators(environment, "it is rude")
        assert labels_of(shown)[:4] == ["Approve", "Refuse…", "Block…", "Open"]
        again = await environment.ben.menu(done, "Report image")
        refused = await environment.ben.fill(again.modal, {"kind": "other", "reason": "it is rude"})
        await refused.until(lambda one: "reported this one already" in as_text(one), PATIENCE_S)


async def test_a_report_replaces_what_the_moderators_channel_shows(environment):
    async with environment.bot():
        await set_up(environment, "log")
        done = await (await imagine(environment.ana, prompt="a fox")).until(has_pictures)
        logged = await seen_by_moderators(environment, "a fox")
        asked = await environment.ben.menu(done, "Report image")
        await environment.ben.fill(asked.modal, {"kind": "other", "reason": "it is rude"})
        reported = await seen_by_moderators(environment, "it is rude")
        assert reported["id"] != logged["id"]
        await environment.world.wait_for(
            lambda: [one["id"] for one in cards(environment)] == [reported["id"]], PATIENCE_S
        )


async def test_a_card_of_which_no_location_is_recorded_is_kept_up_to_date(environment):
    """As after a kill right after it was posted."""
    async with environment.bot() as core:
        _, shown = await hold_one(environment)
        forget = update(ReviewRow).values(channel_id=None, message_id=None)
        await core.database.write(lambda session: session.execute(forget))
        await refuse(environment.mo, shown)
        await environment.mo.wait_for(lambda one: "Undo" in labels_of(one), PATIENCE_S)
        await let_undo_time_pass(core)
        await environment.world.wait_for(
            lambda: [labels_of(one) for one in cards(environment)] == [[]], PATIENCE_S
        )


async def test_nobody_else_decides(environment):
    async with environment.bot():
        await answer(environment.mo, "mod channel", channel=environment.world.channel("general").id)
        await answer(environment.mo, "mod review", mode="hold")
        reply = await imagine(environment.ana, prompt="a fox", seed=1)
        await reply.until(held, PATIENCE_S)
        asked = await environment.ana.wait_for(lambda one: "Approve" in labels_of(one), PATIENCE_S)
        for label in ("Approve", "Refuse…", "Block…"):
            await environment.ana.click(asked, label)
            await environment.ana.wait_for(
                lambda one: "You need Manage Messages" in as_text(one), PATIENCE_S
            )
        assert held(reply.message)
        await asyncio.gather(
            environment.mo.click(asked, "Approve"), environment.mo.click(asked, "Approve")
        )
        await reply.until(has_pictures, PATIENCE_S)


async def test_nobody_reports_what_they_cannot_have_seen(environment):
    """A form of one's own making shows moderators neither private results nor held ones again."""
    async with environment.bot() as core:
        await set_up(environment, "off")
        reply = await imagine(environment.ana, prompt="a secret fox", seed=1, private=True)
        await reply.until(has_pictures, PATIENCE_S)
        await set_up(environment, "hold")
        reply = await imagine(environment.ana, prompt="a held wolf", seed=1)
        await reply.until(held, PATIENCE_S)
        asked = await seen_by_moderators(environment, "a held wolf")
        for one in (
            await core.service.history(HistoryFilter(user_id=environment.ana.id))
        ).generations:
            form = f"r:{one.id}:report"
            refused = await environment.ben.forge_modal("general", form, {"reason": "look"})
            await refused.until(lambda one: "No result" in as_text(one), PATIENCE_S)
        messages = environment.mo.messages("moderators")
        assert [one["id"] for one in messages] == [asked["id"]]
        assert "Approve" in labels_of(messages[0])


async def report(environment, message, reason):
    asked = await environment.ben.menu(message, "Report image")
    thanked = await environment.ben.fill(asked.modal, {"kind": "other", "reason": reason})
    await thanked.until(lambda one: "Thanks" in as_text(one), PATIENCE_S)


async def test_a_report_without_a_channel_waits_until_a_moderator_decides(environment):
    async with environment.bot():
        reply = await imagine(environment.ana, prompt="a fox", seed=1)
        done = await reply.until(has_pictures, PATIENCE_S)
        await report(environment, done, "it is rude")
        await answer(
            environment.mo, "mod channel", channel=environment.world.channel("moderators").id
        )
    async with environment.bot():
        panel, case = await open_queue(environment, "1 waiting")
        assert "it is rude" in as_text(case)
        assert "Reported" in as_text(case)
        assert labels_of(case)[:3] == ["Approve", "Refuse…", "Block…"]
        await environment.mo.click(case, "Approve")
        await panel.until(lambda one: "Nothing to review" in as_text(one), PATIENCE_S)
        assert has_pictures(reply.message)


async def test_reports_are_decided_on_beside_what_is_held(environment):
    async with environment.bot() as core:
        reply = await imagine(environment.ana, prompt="a fox", seed=1)
        await report(environment, await reply.until(has_pictures, PATIENCE_S), "it is rude")
        (waits,) = await hold_some(environment, 1)
        panel, sheet = await open_queue(environment, "2 waiting")
        assert as_text(sheet).count("· reported") == 1
        await environment.mo.click(sheet, "Refuse all 2")
        await panel.until(lambda one: "Nothing to review" in as_text(one), PATIENCE_S)
        hidden = await reply.until(held, PATIENCE_S)
        assert not files_of(hidden)
        await let_undo_time_pass(core)
        for one in (waits, reply):
            await one.until(lambda one: "declined this picture" in as_text(one), PATIENCE_S)
        gone = (await core.service.history(HistoryFilter(search="fox"))).generations[-1]
        assert await core.service.contents(gone.id) == ()


async def test_nobody_reports_what_they_cannot_see_or_what_is_gone(environment):
    """By a form of one's own making, or one that was opened before it was deleted."""
    async with environment.bot():
        await answer(
            environment.mo, "mod channel", channel=environment.world.channel("moderators").id
        )
        hidden = await environment.mo.slash("moderators", "imagine", prompt="a fox", steps=1)
        made = await hidden.until(has_pictures, PATIENCE_S)
        id_ = id_of(made)
        form = f"r:{id_}:report"
        refused = await environment.ben.forge_modal("general", form, {"reason": "look"})
        await refused.until(lambda one: "No result" in as_text(one), PATIENCE_S)
        reply = await imagine(environment.ana, prompt="a wolf", seed=1)
        done = await reply.until(has_pictures, PATIENCE_S)
        asked = await environment.ben.menu(done, "Report image")
        id_ = id_of(done)
        deleted = await environment.mo.slash("general", "mod delete", result=id_)
        await deleted.until(lambda one: "Deleted" in as_text(one), PATIENCE_S)
        refused = await environment.ben.fill(asked.modal, {"kind": "other", "reason": "look"})
        await refused.until(lambda one: "deleted" in as_text(one), PATIENCE_S)
        await open_queue(environment, "Nothing to review")
        assert [
            one for one in environment.mo.messages("moderators") if "Block…" in labels_of(one)
        ] == []


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_message_without_its_embed_can_be_decided_on(environment, is_late):
    async with environment.bot() as core:
        reply, asked = await hold_one(environment)
        id_ = id_of(asked)
        environment.world.messages.get(int(asked["id"])).embeds = ()
        if is_late:
            await core.services.reviews.decide(
                Actor(environment.mo.id, environment.world.guild_id), id_, approved=True
            )
        (bare,) = [one for one in environment.mo.messages("moderators") if one["id"] == asked["id"]]
        pressed = await environment.mo.click(bare, "Approve")
        if is_late:
            await environment.mo.wait_for(
                lambda one: "decided on this one" in as_text(one), PATIENCE_S
            )
        else:
            await reply.until(has_pictures, PATIENCE_S)
        await environment.world.wait_for(
            lambda: (
                not any(
                    "Approve" in labels_of(one) for one in environment.mo.messages("moderators")
                )
            ),
            PATIENCE_S,
        )
        assert pressed.failure is None
        assert not [one for one in environment.mo.messages() if "went wrong" in as_text(one)]


async def test_who_approves_too_late_of_what_was_refused_sees_it_no_longer(environment):
    async with environment.bot() as core:
        _, asked = await hold_one(environment)
        id_ = id_of(asked)
        await core.services.reviews.decide(
            Actor(environment.mo.id, environment.world.guild_id), id_, approved=False
        )
        await environment.mo.click(asked, "Approve")
        await environment.mo.wait_for(lambda one: "decided on this one" in as_text(one), PATIENCE_S)
        (card,) = [one for one in environment.mo.messages("moderators") if one["id"] == asked["id"]]
        assert "Refused by" in as_text(card)
        assert labels_of(card) == ["Undo"]
        assert not files_of(card)


async def test_the_moderators_channel_is_shown_and_unset_only_when_asked(environment):
    async with environment.bot():
        await set_up(environment, "log")
        shown = await answer(environment.mo, "mod channel")
        channel = environment.world.channel("moderators").id
        assert f"<#{channel}>" in shown
        both = await answer(environment.mo, "mod channel", channel=channel, off=True)
        assert "not both" in both
        assert f"<#{channel}>" in await answer(environment.mo, "mod channel")
        assert "No moderators' channel" in await answer(environment.mo, "mod channel", off=True)


async def test_a_channel_where_the_bot_may_not_post_is_refused_by_what_it_lacks(environment):
    channel = environment.world.channel("general")
    me = next(one for one in environment.world.directory.members.values() if one.is_bot)
    environment.world.directory.set_overwrite(channel, me.id, deny=Permission.ATTACH_FILES)
    async with environment.bot():
        refused = await answer(environment.mo, "mod channel", channel=channel.id)
        assert "I'm missing permissions in #general: Attach Files." in refused
        assert "No moderators' channel" in await answer(environment.mo, "mod channel")
