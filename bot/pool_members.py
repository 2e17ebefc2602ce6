"""The backends of the settings, as members of a pool."""

import logging
import math
from collections.abc import Callable
from pathlib import Path

from bot.settings import BackendEntry, RequestEntry, Settings, SettingsError
from comfy.api_v2.job_store import JobStore
from comfy.calls import HttpCall
from comfy.errors import ComfyError
from comfy.kinds import BackendSettings, build_backend
from generation.backends.members import PoolMember
from generation.backends.power_calls import PowerCall, PowerSettings

KNOWN_NODES = "object_info"
"""Folder inside the data folder that caches each backend's last `/object_info`."""

ANSWER_TIMEOUT_S = 30.0
"""Seconds for a backend's description; a ComfyUI with many custom nodes needs several at first."""

_log = logging.getLogger(__name__)


def build_pool_members(
    settings: Settings,
    store: JobStore | None = None,
    *,
    note_problem: Callable[[str], None] = _log.warning,
) -> tuple[PoolMember, ...]:
    """Build an unopened pool member for each configured backend that can be used.

    `note_problem` is called with a sentence about each other one. Without a store nothing may be
    run, since jobs on hosted services would be forgotten. Raises SettingsError if none is left.
    """
    members: dict[str, PoolMember] = {}
    problems = []
    for entry in settings.backends:
        try:
            backend = build_backend(_backend_settings(entry, settings.data), store)
        except (ValueError, ComfyError) as error:
            problems.append(str(error))
            continue
        if backend.name in members:
            problems.append(
                f"Two backends are called {backend.name}, and the second is left out: give it a "
                "name of its own in backends.toml."
            )
            continue
        members[backend.name] = PoolMember(
            backend,
            entry.concurrency,
            entry.tags,
            weight=entry.weight,
            cost=entry.cost,
            max_wait_s=entry.max_wait,
            power=_power_settings(entry),
            has_key=entry.api_key_comfy_org is not None,
        )
    if not members:
        raise SettingsError(problems)
    for problem in problems:
        note_problem(problem)
    return tuple(members.values())


def _backend_settings(entry: BackendEntry, data: Path) -> BackendSettings:
    token, key = entry.bearer_token, entry.api_key_comfy_org
    return BackendSettings(
        url=entry.url,
        name=entry.name,
        kind=entry.kind,
        headers={name: value.get_secret_value() for name, value in entry.headers.items()},
        bearer_token=token.get_secret_value() if token else None,
        api_key_comfy_org=key.get_secret_value() if key else None,
        ca_file=entry.ca_file,
        concurrency=entry.concurrency,
        object_info=data / entry.object_info if entry.object_info else None,
    )


def _power_settings(entry: BackendEntry) -> PowerSettings:
    idle_s = math.inf if entry.idle_minutes is None else entry.idle_minutes * 60
    return PowerSettings(_power_call(entry.wake), _power_call(entry.sleep), idle_s)


def _power_call(entry: tuple[str, ...] | RequestEntry | None) -> PowerCall | None:
    if not isinstance(entry, RequestEntry):
        return entry
    headers = {name: value.get_secret_value() for name, value in entry.headers.items()}
    return HttpCall(entry.url, entry.method, headers, entry.body)
