"""Reviews, read and written."""

from db.repositories.moderation.reviews import ReviewRepository
from tests.support.query_plans import explain


async def test_what_waits_is_found_among_reviews_alone(database):
    with database.transaction(read_only=True) as session:
        for plan in explain(session, lambda: ReviewRepository(session).waiting(5, 9)):
            assert "SEARCH reviews USING INDEX ix_reviews_by_state" in plan
            assert "ix_generations" not in plan
