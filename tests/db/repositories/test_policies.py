from datetime import timedelta

import pytest

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


@pytest.fixture
def policies(database):
    with database.transaction() as session:
        yield PolicyRepository(session)


PLACES = (GUILD, 11, None)


def test_roles_of_guilds_and_of_direct_messages_are_apart(policies):
    for number, place in enumerate(PLACES):
        policies.set_role(place, 6, pictures=number)
        policies.set_role(place, 5, has_priority=True)
        policies.set_role(place, 5, pictures=10 + number)
        policies.set_role(place, 5)

    def read(place):
        return [(one.role_id, one.pictures, one.has_priority) for one in policies.roles(place)]

    for number, place in enumerate(PLACES):
        assert read(place) == [(5, 10 + number, True), (6, number, False)]
        assert not any(one.is_unlimited for one in policies.roles(place))
        assert policies.clear_role(place, 5)
        assert not policies.clear_role(place, 5)
        assert read(place) == [(6, number, False)]
    (changed,) = policies.roles(None)
    policies.set_role(None, 6, pictures=9)
    assert [read(place)[0][1] for place in PLACES] == [0, 1, 9]
    assert changed.pictures == 9, "what was read before is brought up to date"


def test_channels_of_guilds_and_of_direct_messages_are_apart(policies):
    for number, place in enumerate(PLACES):
        policies.set_channel(place, 7, is_served=number == 1)
        policies.set_channel(place, 8, workflow=f"w{number}")
        policies.set_channel(place, 9, is_served=True, workflow="w")
    for number, place in enumerate(PLACES):
        assert policies.channels(place) == {7: number == 1, 9: True}
        assert policies.channel_workflows(place) == {8: f"w{number}", 9: "w"}
        assert policies.clear_channels(place, [7, 1]) == 1
        assert policies.channels(place) == {9: True}
        assert policies.clear_channels(place, []) == 0
        assert policies.clear_channels(place) == 2
        assert policies.channels(place) == policies.channel_workflows(place) == {}


def test_grants_of_guilds_and_of_direct_messages_are_apart(policies, noon):
    columns = {"gpu_s": None, "is_unlimited": False, "granted_by": 2, "granted_at": noon}
    for number, place in enumerate(PLACES):
        for person in (PERSON, 3, PERSON):
            policies.add_grant(place, person, pictures=number, expires_at=None, **columns)
    for number, place in enumerate(PLACES):
        found = policies.grants(place, noon)
        assert [(one.user_id, one.pictures) for one in found] == [
            *((PERSON, number), (3, number), (PERSON, number)),
        ]
        assert policies.revoke_grants(place, PERSON, noon) == 2
        assert [one.user_id for one in policies.grants(place, noon)] == [3]
