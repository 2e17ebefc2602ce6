from db.repositories.audit import AuditRepository
from db.tables import DIRECT_MESSAGES, AuditRow


async def test_deeds_are_kept_in_order_by_guild(database, noon):
    with database.transaction() as session:
        audit = AuditRepository(session)
        for number in range(4):
            audit.add(
                AuditRow(
                    at=noon,
                    actor_id=9,
                    guild_id=10 if number else DIRECT_MESSAGES,
                    action="delete",
                    subject=f"k7f3{number}",
                    detail={"reason": "spam"} if number == 3 else None,
                )
            )
        first = audit.page(10, limit=2)
        rest = audit.page(10, before_id=first[-1].id, limit=2)
        direct = audit.page(None, limit=2)
    assert [row.subject for row in (*first, *rest)] == ["k7f33", "k7f32", "k7f31"]
    assert [row.detail for row in first] == [{"reason": "spam"}, None]
    assert [row.subject for row in direct] == ["k7f30"]
