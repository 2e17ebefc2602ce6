"""The history as a file: CSV for spreadsheets, JSON Lines for programs. Pure."""

import csv
import io
import json
from collections.abc import Mapping
from enum import StrEnum

from generation.record import Generation

COLUMNS = (
    "id",
    "created_at",
    "started_at",
    "finished_at",
    "guild_id",
    "channel_id",
    "user_id",
    "user_name",
    "workflow",
    "prompt",
    "values",
    "seed",
    "state",
    "failure",
    "backend",
    "cost",
    "parent_id",
    "results",
    "message_url",
    "removed_at",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that begin a formula in spreadsheets: https://owasp.org/www-community/attacks/CSV_Injection"""


class ExportFormat(StrEnum):
    """The kinds of files."""

    CSV = "csv"
    JSONL = "jsonl"


def header(file_format: ExportFormat) -> str:
    """Return the first line of the file; empty for JSON Lines."""
    return _csv_line(COLUMNS) if file_format is ExportFormat.CSV else ""


def line(generation: Generation, file_format: ExportFormat) -> str:
    """Format a generation as one line. Ids are text: spreadsheets round large numbers."""
    record = _record(generation)
    if file_format is ExportFormat.JSONL:
        return json.dumps(record, ensure_ascii=False) + "\n"
    return _csv_line([_cell(record[name]) for name in COLUMNS])


def _record(generation: Generation) -> Mapping[str, object]:
    moments = ("created_at", "started_at", "finished_at", "removed_at")
    times = {name: getattr(generation, name) for name in moments}
    return {
        **{name: at.isoformat() if at else None for name, at in times.items()},
        "id": generation.id,
        "guild_id": str(generation.guild_id) if generation.guild_id else None,
        "channel_id": str(generation.channel_id),
        "user_id": str(generation.user_id),
        "user_name": generation.user_name,
        "workflow": generation.workflow,
        "prompt": generation.prompt,
        "values": dict(generation.values),
        "seed": str(generation.seed) if generation.seed is not None else None,
        "state": generation.state.value,
        "failure": generation.failure.sentence if generation.failure else None,
        "backend": generation.backend,
        "cost": generation.cost,
        "parent_id": generation.parent_id,
        "results": len(generation.outputs),
        "message_url": generation.message_url,
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_line(cells: "list[str] | tuple[str, ...]") -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
