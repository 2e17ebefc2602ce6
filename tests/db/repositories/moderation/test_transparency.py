from datetime import timedelta

from db.repositories.audit import AuditRepository
from db.repositories.moderation.transparency import GuildPeriod, TransparencyRepository
from db.tables import AppealRow, AuditRow, FlagRow, ReviewRow

GUILD = 5


async def test_what_happened_in_a_guild_and_a_period_is_counted(database, add, noon):
    tomorrow = noon + timedelta(days=1)
    made = {"guild_id": GUILD, "state": "succeeded", "created_at": noon}
    await add("made", user_id=1, **made)
    await add("removed", user_id=2, removed_at=noon, removed_by=9, **made)
    await add("own", user_id=2, removed_at=noon, removed_by=2, **made)
    await add("later", user_id=3, **made | {"created_at": tomorrow})
    await add("elsewhere", user_id=4, **made | {"guild_id": 6})
    failed = made | {"state": "failed"}
    await add("failed", user_id=1, failure_kind="workflow_error", **failed)
    await add("blocked", user_id=1, failure_kind="blocked_by_filter", **failed)

    def decide(session):
        for name, state in (("made", "refused"), ("own", "pending"), ("elsewhere", "refused")):
            row = ReviewRow(generation_id=name, state=state, created_at=noon, decided_at=noon)
            session.add(row)
        for name in ("made", "elsewhere"):
            session.add(FlagRow(generation_id=name, kind="report", note="", at=noon, actor_id=8))
        for guild in (GUILD, 6):
            session.add(AppealRow(guild_id=guild, user_id=1, subject="made", text="x", at=noon))
        for guild, action in ((GUILD, "block"), (GUILD, "unblock"), (6, "block")):
            row = AuditRow(actor_id=9, guild_id=guild, action=action, subject="1", at=noon)
            AuditRepository(session).add(row)
        refusals = TransparencyRepository(session)
        for guild, day, kind in (
            (GUILD, noon, "blocked_here"),
            (GUILD, noon, "blocked_here"),
            (GUILD, noon + timedelta(hours=1), "blocked_here"),
            (GUILD, noon, "prompt_not_allowed"),
            (GUILD, tomorrow, "blocked_here"),
            (6, noon, "blocked_here"),
        ):
            refusals.add_refusal(guild, day, kind)

    await database.write(decide)
    period = GuildPeriod(GUILD, noon, tomorrow)

    def count(session):
        counted = TransparencyRepository(session)
        return (
            counted.count_ended(period),
            counted.count_refusals(period),
            counted.count_failures(period, "blocked_by_filter"),
            counted.count_people(period),
            counted.count_removed(period),
            counted.count_held(period),
            counted.count_refused(period),
            counted.count_reports(period),
            counted.count_audited(period, "block"),
            counted.count_appeals(period),
        )

    ended, refused, *others = await database.read(count)
    assert ended == {"succeeded": 3, "failed": 2}
    assert refused == {"blocked_here": 3, "prompt_not_allowed": 1}
    assert others == [1, 2, 1, 2, 1, 1, 1, 1]
