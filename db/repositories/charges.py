"""Charges: rows that are only ever added, and sums over them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, func, select

from db.base import table_of
from db.dialect import INSERTS, dialect_of, is_postgresql
from db.repositories.repository import Repository
from db.tables import CHARGE, DIRECT_MESSAGES, REFUND, RESERVE, ChargeRow, PersonRow


@dataclass(frozen=True, slots=True)
class Spent:
    """An amount by both measures: pictures, and milliseconds on a backend."""

    pictures: int = 0
    gpu_ms: int = 0


@dataclass(frozen=True, slots=True)
class RecordedUsage:
    """What a person used in a guild, and when they last requested something there."""

    spent: Spent
    last_request_at: datetime | None


# Built once, on the table itself: building them takes longer than executing them.

_LOCK = select(func.pg_advisory_xact_lock(bindparam("key", type_=BigInteger)))
_TABLE = table_of(ChargeRow)
_ROWS = _TABLE.c
_PEOPLE = table_of(PersonRow).c
_LAST_REQUEST = select(_PEOPLE.last_request_at).where(
    _PEOPLE.user_id == bindparam("of_user"), _PEOPLE.guild_id == bindparam("of_guild")
)
_USAGE = select(
    func.coalesce(func.sum(_ROWS.amount), 0),
    func.coalesce(func.sum(_ROWS.gpu_ms), 0),
    _LAST_REQUEST.scalar_subquery(),
).where(
    _ROWS.user_id == bindparam("of_user"),
    _ROWS.guild_id == bindparam("of_guild"),
    _ROWS.at >= bindparam("since"),
)
_IS_RESERVED = (_ROWS.generation_id == bindparam("of_id"), _ROWS.kind == RESERVE)
_CLOSED = (
    ("generation_id", _ROWS.generation_id),
    ("kind", bindparam("new_kind", type_=_ROWS.kind.type)),
    ("user_id", _ROWS.user_id),
    ("guild_id", _ROWS.guild_id),
    ("amount", bindparam("pictures", type_=_ROWS.amount.type) - _ROWS.amount),
    ("gpu_ms", bindparam("spent_ms", type_=_ROWS.gpu_ms.type) - _ROWS.gpu_ms),
    ("at", _ROWS.at),
)
_CLOSE = {
    dialect: build(_TABLE)
    .from_select(
        [name for name, _ in _CLOSED], select(*(value for _, value in _CLOSED)).where(*_IS_RESERVED)
    )
    # Closed before, even by a transaction that has not ended: an index allows one such row.
    .on_conflict_do_nothing()
    .returning(_ROWS.generation_id)
    for dialect, build in INSERTS.items()
}


class ChargeRepository(Repository):
    """Charges, read and written in one transaction. A guild id of None is direct messages."""

    def lock_guild(self, guild_id: int | None) -> None:
        """Block other transactions that lock this guild, until this one ends.

        Does nothing on SQLite, where a writing transaction is alone from its start.
        """
        if is_postgresql(self._session):
            # READ COMMITTED alone would let two requests read the usage before either reserves.
            self._session.execute(_LOCK, {"key": guild_id or DIRECT_MESSAGES})

    def usage(
        self,
        user_id: int,
        guild_id: int | None,
        since: datetime,
    ) -> RecordedUsage:
        """Return the sum of this person's charges since then, including reservations."""
        asked = {"of_user": user_id, "of_guild": guild_id or DIRECT_MESSAGES, "since": since}
        pictures, gpu_ms, last_request_at = self._session.execute(_USAGE, asked).one()
        return RecordedUsage(Spent(int(pictures), int(gpu_ms)), last_request_at)

    def reserve(
        self,
        generation_id: str,
        *,
        user_id: int,
        guild_id: int | None,
        spent: Spent,
        at: datetime,
    ) -> bool:
        """Reserve an amount; return False, without effect, if it was reserved before."""
        return self._add_missing(
            ChargeRow,
            generation_id=generation_id,
            kind=RESERVE,
            user_id=user_id,
            guild_id=guild_id or DIRECT_MESSAGES,
            amount=spent.pictures,
            gpu_ms=spent.gpu_ms,
            at=at,
        )

    def settle(self, generation_id: str, spent: Spent) -> bool:
        """Charge this amount instead of the reserved one.

        Return False, without effect, if it was charged or refunded before, or never reserved.
        """
        return self._close(generation_id, CHARGE, spent)

    def refund(self, generation_id: str) -> bool:
        """Refund the reserved amount.

        Return False, without effect, if it was charged or refunded before, or never reserved.
        """
        return self._close(generation_id, REFUND, Spent())

    def _close(self, generation_id: str, kind: str, spent: Spent) -> bool:
        values = {"new_kind": kind, "pictures": spent.pictures, "spent_ms": spent.gpu_ms}
        statement = _CLOSE[dialect_of(self._session)]
        return self._session.scalar(statement, {"of_id": generation_id, **values}) is not None
