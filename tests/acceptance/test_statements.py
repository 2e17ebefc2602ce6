"""How many SQL statements a running bot executes, both databases, the engine's own included.

Counted as SQLAlchemy executes them, without BEGIN and COMMIT, in one process with one backend. The
goal is 10 a second at rest and 60 for one generation; the bounds here hold what was reached, and
are lowered with every improvement.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from benchmarks.statements import counting_statements
from sandbox.people import as_text, files_of

MOST_A_SECOND_AT_REST = 3
"""It was 1.2 on SQLite and 1.4 on PostgreSQL: six or seven every five seconds."""
MOST_FOR_ONE_GENERATION = 42
"""Beyond what the time that it takes costs at rest. It was 34 and 37; whether one or two of the
looks of every five seconds fall into the rest is chance, which is 3 of these."""

SETTLE_S = 3.0
"""What a start, or a generation whose picture is there, may still have to write."""

REST_S = 5.0
GENERATIONS = 5
LISTED = 12
PATIENCE_S = 60


@dataclass(frozen=True)
class Interval:
    """What was executed between two moments."""

    seconds: float
    statements: Counter

    @property
    def total(self):
        return self.statements.total()

    def __str__(self):
        most = self.statements.most_common(LISTED)
        lines = [f"{count:5} {' '.join(text.split())[:140]}" for text, count in most]
        return "\n".join([f"{self.total} in {self.seconds:.1f} s, the most:", *lines])


async def observe(counter, work):
    before, began_at = counter.snapshot(), time.monotonic()
    await work
    return Interval(time.monotonic() - began_at, counter.snapshot() - before)


async def generate(person, numbers):
    for number in numbers:
        prompt = f"a fox, number {number}"
        reply = await person.slash("general", "imagine", prompt=prompt, steps=4)
        await reply.until(has_pictures, PATIENCE_S)
    await asyncio.sleep(SETTLE_S)


def has_pictures(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


async def test_statements_at_rest_and_for_one_generation(environment, database_url):
    async with environment.bot(database_url=database_url):
        # What is done once in a process's life is done by the first.
        await generate(environment.ana, [0])
        with counting_statements() as counter:
            rest = await observe(counter, asyncio.sleep(REST_S))
            work = await observe(counter, generate(environment.ana, range(1, GENERATIONS + 1)))
    at_rest = rest.total / rest.seconds
    for_one = (work.total - at_rest * work.seconds) / GENERATIONS
    assert at_rest <= MOST_A_SECOND_AT_REST, rest
    assert for_one <= MOST_FOR_ONE_GENERATION, work


async def test_what_a_program_of_sqlalchemy_executes_is_counted(environment):
    with counting_statements() as counter:
        async with environment.bot():
            await environment.world.wait_until_connected()
        texts = [text.upper() for text in counter.snapshot()]
    assert any("GUILDS" in text for text in texts)
    assert any("WORKFLOW_STATUS" in text for text in texts)
    assert not any(text.startswith(("BEGIN", "COMMIT", "ROLLBACK")) for text in texts)
