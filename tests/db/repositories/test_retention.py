"""What a guild keeps no longer, on each database."""

from datetime import UTC, datetime, timedelta

from db.repositories.generations import GenerationFilter, GenerationRepository
from db.repositories.retention import RetentionRepository

NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def add(session, id_, *, guild_id=7, days=10, told=True, prompt="a fox"):
    generations = GenerationRepository(session)
    then = NOW - timedelta(days=days)
    await generations.add(
        id=id_,
        user_id=1,
        user_name="Ana",
        guild_id=guild_id,
        channel_id=2,
        workflow="txt2img",
        prompt=prompt,
        values={"steps": 4},
        seed=1,
        cost=1,
        private=False,
        spoiler=False,
        created_at=then,
        state="succeeded",
    )
    await generations.update(id_, finished_at=then, delivered_at=then if told else None)


async def test_only_what_is_old_told_and_of_that_guild_goes(database):
    async with database.transaction() as session:
        await add(session, "old")
        await add(session, "young", days=1)
        await add(session, "other", guild_id=8)
        await add(session, "untold", told=False)
    before = NOW - timedelta(days=5)
    async with database.transaction() as session:
        retention, generations = RetentionRepository(session), GenerationRepository(session)
        assert await retention.forget_pictures(7, before, NOW) == 1
        assert await retention.forget_pictures(7, before, NOW) == 0
        assert await retention.forget_prompts(7, before) == 1
        assert await retention.forget_prompts(7, before) == 0
        page = await generations.page(GenerationFilter(search="fox"), before=None, limit=10)
        assert {row.id for row in page.rows} == {"young", "other", "untold"}
        assert await retention.forget_records(7, before) == 1
        assert await generations.get("old") is None
        assert await generations.get("other") is not None


async def test_other_texts_than_a_prompt_are_redacted_too(database):
    async with database.transaction() as session:
        await add(session, "bare", prompt="")
    async with database.transaction() as session:
        retention = RetentionRepository(session)
        assert await retention.forget_prompts(7, NOW) == 1
        assert await retention.forget_prompts(7, NOW) == 0
        assert (await GenerationRepository(session).get("bare")).values == {}
