"""What moderators do, and what comes of it for others, as people see it."""

import csv
import io
import json
import re

import aiohttp

from generation.request import Actor
from sandbox.discord_api.values import Member, Permission, Role
from sandbox.people import Person, as_text, files_of
from tests.support.messages import id_of, press_more

PATIENCE_S = 60


def has_pictures(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


async def make(person, **options):
    reply = await person.slash("general", "imagine", steps=4, **options)
    return await reply.until(has_pictures, PATIENCE_S)


async def answer(person, command, **options):
    reply = await person.slash("general", command, **options)
    return as_text(await reply.until(lambda message: "thinking" not in as_text(message)))


async def refusal(person, **options):
    await person.slash("general", "imagine", **options)
    told = await person.wait_for(
        lambda message: "only you can see this" in as_text(message), PATIENCE_S
    )
    return as_text(told)


async def test_who_is_blocked_makes_nothing_until_the_block_is_lifted(environment):
    async with environment.bot() as core:
        told = await answer(
            environment.mo, "mod block", user=environment.ana.id, days=2, reason="enough"
        )
        assert f"<@{environment.ana.id}> is blocked here until" in told
        told = await refusal(environment.ana, prompt="a fox")
        # In the reader's own time zone.
        assert re.search(r"here until <t:\d+:f>\. Reason: enough", told)
        told = await environment.ana.wait_for(lambda one: "Reason: enough" in as_text(one))
        form = (await environment.ana.click(told, "Appeal")).modal
        for sentence, expected in (("it was my cat", "Thanks"), ("again", "appealed already")):
            reply = await environment.ana.fill(form, {"text": sentence})
            await reply.until(lambda one, said=expected: said in as_text(one), PATIENCE_S)
        form = (await environment.ana.click(told, "Appeal")).modal
        appeals = await answer(environment.mo, "mod appeals")
        assert f"<@{environment.ana.id}>" in appeals
        assert "against a block\nit was my cat" in appeals
        assert "again" not in appeals.replace("against", "")
        assert "No appeals" in await answer(environment.mo, "mod appeals", close=1)
        assert "enough" in await answer(environment.mo, "mod blocked")
        assert "Unblocked" in await answer(environment.mo, "mod unblock", user=environment.ana.id)
        assert await make(environment.ana, prompt="a fox", seed=1)
        assert "yourself" in await answer(environment.mo, "mod block", user=environment.mo.id)
        reply = await environment.mo.slash("general", "mod transparency", since="today")
        counted = await reply.until(files_of, PATIENCE_S)
        assert "**Made** 1" in as_text(counted)
        assert "**Refused because blocked** 1" in as_text(counted)
        assert "**Members blocked** 1" in as_text(counted)
        assert {one["filename"] for one in files_of(counted)} == {"chart.png", "transparency.csv"}
        audit = await answer(environment.mo, "mod audit")
        assert audit.index("Unblocked") < audit.index("**Blocked**"), "the newest comes first"
        assert audit.count("**Blocked**") == 1
        assert "reason: enough, until <t:" in audit
        actor = Actor(environment.mo.id, environment.world.guild_id)
        for user_id in range(1, 41):
            await core.services.moderation.block(actor, user_id, reason="", until=None)
        assert "<@1>" in await answer(environment.mo, "mod blocked"), "more than a page of them"


MANAGER_ROLE, HIGH_ROLE = 1183999000000000002, 1183999000000000003


async def test_moderators_block_nobody_who_stands_above_them(environment):
    directory = environment.world.directory
    directory.roles[MANAGER_ROLE] = Role(
        MANAGER_ROLE, "Manager", Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES, 0
    )
    directory.roles[HIGH_ROLE] = Role(HIGH_ROLE, "High", Permission(0), 9)
    for member in (
        Member(1183998000000000001, "max", "Max", (MANAGER_ROLE,), "#777777"),
        Member(1183998000000000002, "eve", "Eve", (HIGH_ROLE,), "#777777"),
    ):
        directory.members[member.id] = member
    owner, max_, eve = (Person(environment.world, name) for name in ("ada", "max", "eve"))
    async with environment.bot() as core:
        for person in (owner, max_, eve):
            told = await answer(environment.mo, "mod block", user=person.id)
            assert "a higher role" in told
        made = await make(owner, prompt="a fox", seed=1)
        form = f"r:{id_of(made)}:block"
        await environment.mo.forge_modal("general", form, {"days": "", "reason": "x"})
        await environment.mo.wait_for(lambda one: "a higher role" in as_text(one), PATIENCE_S)
        assert await core.services.moderation.blocks(environment.world.guild_id, 5) == ()
        for blocker, blocked in ((owner, max_), (environment.mo, environment.ana)):
            assert "is blocked here" in await answer(blocker, "mod block", user=blocked.id)


async def test_only_an_operator_blocks_in_all_servers(environment):
    ada = Person(environment.world, "ada")
    async with environment.bot() as core:
        ben = {"user": environment.ben.id, "everywhere": True}
        blocks, guild_id = core.services.moderation.blocks, environment.world.guild_id
        only_operators = "Only the people who run this bot"
        assert only_operators in await answer(environment.mo, "mod block", **ben)
        assert await blocks(guild_id, 5) == ()
        assert "is blocked in all servers" in await answer(ada, "mod block", **ben)
        assert only_operators in await answer(environment.mo, "mod unblock", **ben)
        told = await answer(environment.mo, "mod unblock", user=environment.ben.id)
        assert "was not blocked" in told
        (block,) = await blocks(guild_id, 5)
        assert block.is_everywhere
        assert "Unblocked" in await answer(ada, "mod unblock", **ben)
        assert await blocks(guild_id, 5) == ()


async def test_a_form_that_was_opened_before_a_block_is_refused_after_it(environment):
    async with environment.bot():
        made = await make(environment.ana, prompt="a fox", seed=1)
        remix = (await press_more(environment.ben, made, "Remix")).modal
        use = (await press_more(environment.ben, made, "Use as input")).modal
        await answer(environment.mo, "mod block", user=environment.ben.id, reason="enough")
        for form in (remix, use):
            await environment.ben.fill(form, {"prompt": "a wolf"})
            told = await environment.ben.wait_for(lambda one: "enough" in as_text(one), PATIENCE_S)
            assert "only you can see this" in as_text(told)
            environment.world.messages.delete(environment.world.messages.get(int(told["id"])))
        assert "wolf" not in str(environment.ana.messages("general"))


async def test_a_watched_word_is_refused_however_it_is_written(environment):
    async with environment.bot():
        assert "blocking “Fox”" in await answer(environment.mo, "mod words add", word="Fox")
        assert "“Fox”" in await refusal(environment.ana, prompt="a f0x in the snow")
        assert "Would be blocked" in await answer(
            environment.mo, "mod words test", text="one F o X"
        )
        assert "No match" in await answer(environment.mo, "mod words test", text="foxglove")
        assert "Fox" in await answer(environment.mo, "mod words list")
        assert "No longer" in await answer(environment.mo, "mod words remove", word="fox")
        assert await make(environment.ana, prompt="a fox", seed=1)


async def test_other_texts_than_the_prompt_are_watched_too(environment):
    async with environment.bot():
        await answer(environment.mo, "mod words add", word="fox")
        assert "“fox”" in await refusal(environment.ana, prompt="snow", negative="no fox")


async def test_an_observed_word_flags_what_is_made(environment):
    async with environment.bot():
        await answer(environment.mo, "mod words add", word="fox", action="observe")
        flagged = await make(environment.ana, prompt="a fox", seed=1)
        await make(environment.ben, prompt="a wolf", seed=2)
        everything = await answer(environment.mo, "mod history")
        assert "a fox" in everything
        assert "a wolf" in everything
        assert f"<@{environment.ana.id}>" in everything
        only_flagged = await answer(environment.mo, "mod history", flagged=True)
        assert "a fox" in only_flagged
        assert "a wolf" not in only_flagged
        hers = await answer(environment.mo, "mod history", user=environment.ben.id)
        assert "a fox" not in hers
        shown = await answer(environment.mo, "mod show", result=id_of(flagged))
        for part in ("Watched word: fox", "waiting", "running", "done", "SHA-256", "txt2img-sd"):
            assert part in shown


async def test_a_word_that_warns_is_told_to_its_person_alone(environment):
    async with environment.bot():
        await answer(environment.mo, "mod words add", word="fox", action="warn")
        made = await make(environment.ana, prompt="a fox", seed=1)
        note = await environment.ana.wait_for(
            lambda message: "wording is watched" in as_text(message), PATIENCE_S
        )
        assert "only you can see this" in as_text(note)
        assert len(environment.ben.messages("general")) == 1
        assert "Watched word, with a warning: fox" in await answer(
            environment.mo, "mod show", result=id_of(made)
        )
        wolf = await make(environment.ben, prompt="a wolf", seed=2)
        assert len(environment.ben.messages("general")) == len([made, wolf])


async def test_a_deleted_result_leaves_its_record(environment):
    async with environment.bot() as core:
        made = await make(environment.ana, prompt="a fox", seed=1)
        identity = id_of(made)
        assert "Deleted" in await answer(environment.mo, "mod delete", result=identity)
        assert environment.ana.messages("general") == []
        generation = await core.services.generations.find(identity)
        assert generation.prompt == "a fox"
        assert generation.outputs[0].thumbnail is None
        assert await core.services.generations.contents(identity) == ()


async def test_a_purge_takes_one_persons_results_alone(environment):
    async with environment.bot():
        for number in range(3):
            await make(environment.ana, prompt=f"fox {number}", seed=number)
        await make(environment.ben, prompt="a wolf", seed=9)
        environment.world.fail_next("DELETE", r"/messages/\d+$", 503)
        assert "3 results" in await answer(environment.mo, "mod purge", user=environment.ana.id)
        await environment.world.wait_for(
            lambda: len(environment.ben.messages("general")) == 2, PATIENCE_S
        )
        assert "no results here" in await answer(
            environment.mo, "mod purge", user=environment.ana.id
        )
        await environment.world.changes.wait_for(
            lambda: len(environment.ben.messages("general")) == 1, PATIENCE_S
        )
        assert "a wolf" in as_text(environment.ben.messages("general")[0])


async def test_the_history_is_exported_without_formulas(environment):
    async with environment.bot():
        await make(environment.ana, prompt='=HYPERLINK("x")', seed=2**53 - 1)
        for form in ("csv", "jsonl"):
            reply = await environment.mo.slash("general", "mod export", format=form)
            message = await reply.until(lambda message: bool(files_of(message)))
            assert "1 entry." in as_text(message)
            url = files_of(message)[0]["url"]
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                text = await response.text()
            if form == "csv":
                (row,) = csv.DictReader(io.StringIO(text))
                assert row["prompt"] == '\'=HYPERLINK("x")'
            else:
                row = json.loads(text)
                assert row["prompt"] == '=HYPERLINK("x")'
            assert row["seed"] == str(2**53 - 1)
            assert row["user_name"] == "Ana"


async def test_the_operator_exports_from_the_terminal(environment, limner, tmp_path):
    async with environment.bot():
        await make(environment.ana, prompt="a fox", seed=1)
        await make(environment.ben, prompt="a wolf", seed=2)
    data = {"LIMNER_DATA": str(environment.data)}
    written = await limner("history", "export", "--format", "jsonl", **data)
    assert [json.loads(one)["prompt"] for one in written.stdout.splitlines()] == ["a wolf", "a fox"]
    out = tmp_path / "history.csv"
    saved = await limner("history", "export", "--search", "fox", "--out", str(out), **data)
    assert "1 generations were saved" in saved.stdout
    assert out.read_text(encoding="utf-8").count("a fox") == 1
    wrong = await limner("history", "export", "--since", "soon", **data)
    assert wrong.returncode == 1
    assert "--since: write a day such as" in wrong.stderr


async def test_whoever_manages_messages_in_one_channel_moderates_nobody(environment):
    granted = Permission.MANAGE_MESSAGES
    channel = environment.world.channel("general")
    environment.world.directory.set_overwrite(channel, environment.ben.id, allow=granted)
    async with environment.bot():
        await make(environment.ana, prompt="a fox", seed=1)
        told = await answer(environment.ben, "mod purge", user=environment.ana.id)
        assert "in the whole server" in told
        assert any(has_pictures(message) for message in environment.ana.messages("general"))
        told = await answer(environment.mo, "mod blocked")
        assert "Nobody is blocked" in told
