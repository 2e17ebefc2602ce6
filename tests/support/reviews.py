"""Decisions of moderators, and the time in which they can be undone."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from bot.core import Core
from db.database import Session
from db.tables import ReviewRow
from sandbox.discord_api.values import JsonObject
from sandbox.people import Person, Reply


async def refuse(
    person: Person, message: JsonObject, kind: str = "other", words: str = ""
) -> Reply:
    """Refuse what a moderators' message shows, by its modal."""
    asked = await person.click(message, "Refuse…")
    assert asked.modal is not None
    return await person.fill(asked.modal, {"kind": kind, "reason": words})


async def let_undo_time_pass(core: Core) -> None:
    """Carry out every decision, as if its time to be undone were over."""

    def change(session: Session) -> None:
        over = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(
            update(ReviewRow).where(ReviewRow.undo_until.is_not(None)).values(undo_until=over)
        )

    await core.database.write(change)
    await core.services.reviews.finish_decisions()
    await core.services.reviews.update_messages()
    await core.service._line.reconcile()
