"""`limner backends`: state, load and recent use of each backend."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from bot.pool_members import build_pool_members
from bot.settings import Settings
from db import migrations
from db.database import Database
from db.migrations import MigrationState
from generation.backends.draining import BackendAdmin, BackendReport
from generation.backends.pool import BackendPool
from generation.service import utc_now

GIBIBYTE = 1024**3


async def run_backends(settings: Settings, *, as_json: bool) -> int:
    """Print every backend; return 0 if one could take work, else 1. Raises SettingsError."""
    reports = await _report(settings)
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in reports], ensure_ascii=False, indent=2))
    else:
        for line in (line for report in reports for line in _lines(report)):
            click.echo(line)
    return 0 if any(one.status.state.is_usable for one in reports) else 1


async def _report(settings: Settings) -> tuple[BackendReport, ...]:
    """Query every backend, and the records if the database has been set up."""
    pool = BackendPool(build_pool_members(settings))
    database = Database(settings.effective_database_url)
    try:
        state = await migrations.current_state(settings.effective_database_url)
        if state is MigrationState.CURRENT:
            return await BackendAdmin(database, pool, utc_now).reports()
        return tuple(BackendReport(status) for status in await pool.statuses())
    finally:
        await database.close()
        await pool.close()


def _lines(report: BackendReport) -> list[str]:
    status, use = report.status, report.use
    what = status.surface or (f"ComfyUI {status.version}" if status.version else None)
    lines = [f"{status.name}: {status.state}" + (f", {what}" if what else "")]
    load = "load unknown" if status.load is None else f"{status.load} in its queue"
    lines.append(f"{use.running} of {status.concurrency} running, {load}")
    lines += [
        f"{device.name}, {device.memory_free / GIBIBYTE:.1f} of "
        f"{device.memory_total / GIBIBYTE:.1f} GiB free"
        for device in status.devices
    ]
    lines.append(f"{use.gpu_s_today:.0f} GPU seconds today")
    if use.failure is not None and use.failed_at is not None:
        when = use.failed_at.astimezone().strftime("%Y-%m-%d %H:%M")
        lines.append(f"last failure: {use.failure.value.replace('_', ' ')}, {when}")
    if status.problem:
        lines.append(status.problem)
    return [lines[0], *(f"  {line}" for line in lines[1:])]


def _as_json(report: BackendReport) -> dict[str, Any]:
    status, use = report.status, report.use
    return {
        "name": status.name,
        "state": status.state.value,
        "service": status.surface,
        "version": status.version,
        "running": use.running,
        "concurrency": status.concurrency,
        "load": status.load,
        "tags": sorted(status.tags),
        "devices": [asdict(device) for device in status.devices],
        "gpu_seconds_today": round(use.gpu_s_today, 3),
        "last_failure": use.failure.value if use.failure else None,
        "last_failure_at": _iso(use.failed_at),
        "drained_at": _iso(report.drained_at),
        "problem": status.problem,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
