"""Export of the history: CSV for spreadsheets, JSON Lines for programs. Pure."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from generation.record import Generation

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that begin a formula in spreadsheets: https://owasp.org/www-community/attacks/CSV_Injection"""


class ExportFormat(StrEnum):
    """The kinds of files."""

    CSV = "csv"
    JSONL = "jsonl"


def header(file_format: ExportFormat) -> str:
    """Return the first line of the file; empty for JSON Lines."""
    return _csv_line(_FIELDS) if file_format is ExportFormat.CSV else ""


def line(generation: Generation, file_format: ExportFormat) -> str:
    """Format a generation as one line. Ids are text: spreadsheets round large numbers."""
    record = {name: read(generation) for name, read in _FIELDS.items()}
    if file_format is ExportFormat.JSONL:
        return json.dumps(record, ensure_ascii=False) + "\n"
    return _csv_line(map(_cell, record.values()))


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


_FIELDS: Mapping[str, Callable[[Generation], object]] = {
    "id": lambda one: one.id,
    "created_at": lambda one: _time(one.created_at),
    "started_at": lambda one: _time(one.started_at),
    "finished_at": lambda one: _time(one.finished_at),
    "guild_id": lambda one: str(one.guild_id) if one.guild_id else None,
    "channel_id": lambda one: str(one.channel_id),
    "user_id": lambda one: str(one.user_id),
    "user_name": lambda one: one.user_name,
    "workflow": lambda one: one.workflow,
    "prompt": lambda one: one.prompt,
    "values": lambda one: dict(one.values),
    "seed": lambda one: str(one.seed) if one.seed is not None else None,
    "state": lambda one: one.state.value,
    "failure": lambda one: one.failure.sentence if one.failure else None,
    "backend": lambda one: one.backend,
    "cost": lambda one: one.cost,
    "parent_id": lambda one: one.parent_id,
    "results": lambda one: len(one.outputs),
    "message_url": lambda one: one.message_url,
    "removed_at": lambda one: _time(one.removed_at),
    "typed_prompt": lambda one: one.typed_prompt,
    "follow_up": lambda one: dict(one.follow_up) if one.follow_up else None,
}
"""Exported fields of a generation, in column order."""


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_line(cells: Iterable[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
