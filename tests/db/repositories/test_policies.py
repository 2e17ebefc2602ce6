from datetime import timedelta

from db.repositories.policies import PolicyRepository

GUILD, PERSON = 10, 1


async def test_a_grant_ends_at_its_moment(database, noon):
    moment = timedelta(microseconds=1)
    with database.transaction() as session:
        policies = PolicyRepository(session)
        policies.add_grant(
            GUILD,
            PERSON,
            pictures=5,
            gpu_s=None,
            is_unlimited=False,
            granted_by=2,
            granted_at=noon - timedelta(days=1),
            expires_at=noon,
        )
        assert [one.user_id for one in policies.grants(GUILD, noon - moment)] == [PERSON]
        assert policies.grants(GUILD, noon) == ()
        assert policies.revoke_grants(GUILD, PERSON, noon) == 0
        assert policies.revoke_grants(GUILD, PERSON, noon - moment) == 1
