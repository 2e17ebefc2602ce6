"""What a guild keeps no longer, on each database."""

from datetime import UTC, datetime, timedelta
from functools import partial

from db.repositories.generations import GenerationFilter, GenerationRepository
from db.repositories.moderation.transparency import GuildPeriod, TransparencyRepository
from db.repositories.retention import RetentionRepository
from tests.support.query_plans import explain
from tests.support.rows import generation_row

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def add(session, id_, *, guild_id=7, days=10, told=True, prompt="a fox"):
    generations = GenerationRepository(session)
    then = NOW - timedelta(days=days)
    generations.add(
        generation_row(
            id_,
            guild_id=guild_id,
            prompt=prompt,
            values={"steps": 4},
            created_at=then,
            state="succeeded",
        )
    )
    generations.update(id_, finished_at=then, delivered_at=then if told else None)


async def test_only_what_is_old_told_and_of_that_guild_goes(database):
    with database.transaction() as session:
        add(session, "old")
        add(session, "young", days=1)
        add(session, "other", guild_id=8)
        add(session, "untold", told=False)
        for guild_id, days in ((7, 10), (7, 1), (8, 10)):
            TransparencyRepository(session).add_refusal(guild_id, NOW - timedelta(days=days), "x")
    before = NOW - timedelta(days=5)
    with database.transaction() as session:
        retention, generations = RetentionRepository(session), GenerationRepository(session)
        assert retention.forget_pictures(7, before, NOW) == 1
        assert retention.forget_pictures(7, before, NOW) == 0
        assert retention.forget_prompts(7, before, NOW) == 1
        assert retention.forget_prompts(7, before, NOW) == 0
        page = generations.page(GenerationFilter(search="fox"), before=None, limit=10)
        assert {row.id for row in page.rows} == {"young", "other", "untold"}
        assert retention.forget_records(7, before, NOW) == 1
        assert generations.get("old") is None
        assert generations.get("other") is not None
        refusals = TransparencyRepository(session)
        periods = (GuildPeriod(guild_id, NOW - timedelta(days=99), NOW) for guild_id in (7, 8))
        counted = [refusals.count_refusals(period) for period in periods]
        assert counted == [{"x": 1}, {"x": 1}]


async def test_other_texts_than_a_prompt_are_redacted_too(database):
    with database.transaction() as session:
        add(session, "bare", prompt="")
    with database.transaction() as session:
        retention = RetentionRepository(session)
        assert retention.forget_prompts(7, NOW, NOW) == 1
        assert retention.forget_prompts(7, NOW, NOW) == 0
        assert (GenerationRepository(session).get("bare")).values == {}


async def test_old_ones_are_looked_for_among_old_ones_alone(database):
    with database.transaction() as session:
        retention = RetentionRepository(session)
        for forget in (retention.forget_pictures, retention.forget_prompts):
            (plan,) = explain(session, partial(forget, 7, NOW, NOW))
            assert "ix_generations_history_of_guild (guild_id=? AND created_at<?)" in plan
