"""A program for test_overspending: asks for much at once as one person, and prints what was given.

Arguments: database URL, how often to ask, how many pictures at a time, the person's id. It begins
when a line comes on standard input, so that several begin together, and prints the ids that were
accepted as JSON.
"""

import asyncio
import json
import random
import sys
from datetime import UTC, datetime

from db.database import Database
from generation.backends.members import PoolMember
from generation.backends.pool import BackendPool
from generation.errors import FailureKind, RequestRefused
from generation.moderation.blocks import Moderation
from generation.moderation.image_filter import ImageGate
from generation.prompts.wildcard_lists import WildcardLists
from generation.quota.usage import QuotaService
from generation.request import GenerationRequest, Requester
from generation.requests.acceptance import Acceptor
from workflows.folders.catalog import LIBRARY, Catalog

GUILD = 5


class Away:
    """A backend that cannot be reached: nothing is run here."""

    name = "away"
    is_reachable = False


def utc_now():
    return datetime.now(UTC)


async def ask(acceptor, count, person):
    requester = Requester(person, "ana", channel_id=9, guild_id=GUILD)
    request = GenerationRequest(requester, "a fox", workflow="txt2img-sd", values={"count": count})
    try:
        return (await acceptor.accept(request)).id
    except RequestRefused as refused:
        if refused.kind not in (FailureKind.DAILY_LIMIT, FailureKind.QUEUE_FULL):
            raise
        return None


async def main():
    url, (times, count, person) = sys.argv[1], map(int, sys.argv[2:])
    catalog = Catalog((LIBRARY,))
    catalog.load()
    database = Database(url)
    acceptor = Acceptor(
        database=database,
        catalog=catalog,
        pool=BackendPool([PoolMember(Away())]),
        usage=QuotaService(database, utc_now),
        clock=utc_now,
        random_source=random.SystemRandom(),
        moderation=Moderation(database, utc_now),
        wildcards=WildcardLists(database, None, utc_now),
        image_gate=ImageGate(database, None, utc_now),
    )
    print("ready", flush=True)  # noqa: T201 - what the test waits for
    await asyncio.to_thread(sys.stdin.readline)
    asked = await asyncio.gather(*(ask(acceptor, count, person) for _ in range(times)))
    await database.close()
    print(json.dumps([one for one in asked if one is not None]))  # noqa: T201 - the answer


asyncio.run(main())
