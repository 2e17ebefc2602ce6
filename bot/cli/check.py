"""`limner check`: diagnosis of the installation, one line a check with what to do."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import click
import discord
from rich.console import Console
from rich.text import Text

from bot.cli.export import open_database
from bot.cli.invocation import CommandError
from bot.cli.workflows.inspect import load_catalog
from bot.client import DiscordAddress, LimnerClient
from bot.commands.command_plan import COMMAND_NAMES, plan_commands
from bot.core import StartupError
from bot.login import LOGIN_IMPOSSIBLE, log_in
from bot.network import NETWORK_ERRORS
from bot.operating.alerts import find_target
from bot.operating.private_files import find_exposed
from bot.pool_members import ANSWER_TIMEOUT_S, build_pool_members
from bot.settings import Settings, SettingsError, find_unknown_names
from comfy.errors import (
    BackendRefused,
    BackendUnreachable,
    BackendUntrusted,
    ComfyError,
    NotComfyUI,
)
from comfy.protocol.object_info import ObjectInfo
from comfy.protocol.responses import BackendDescription
from db import migrations
from db.errors import DatabaseError
from db.migrations import MigrationState
from db.urls import sqlite_files
from generation.backends.common_classes import CommonClasses
from generation.backends.members import PoolMember
from generation.library.inspection import find_missing_nodes, is_paid
from generation.library.summaries import summarise
from generation.marking.credentials import load_credentials
from generation.marking.errors import KeyUnusable
from generation.marking.keys import KEY_FILE
from generation.media import imaging, video
from generation.moderation.image_filter import ImageGate
from generation.moderation.nudenet import find_checker
from generation.notifier import DeliveryPostponed
from generation.requests.checkpoints import find_default
from generation.service import utc_now
from workflows.workflow import Workflow

GIBIBYTE = 1024**3


class Level(StrEnum):
    """Severity of a finding; `limner run` works unless one is FAILED."""

    FINE = "ok"
    NOTE = "note"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """One line of the report."""

    level: Level
    subject: str
    sentence: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """A reachable backend with its node classes; `has_key` for the services of partners."""

    name: str
    description: BackendDescription
    object_info: ObjectInfo
    tags: frozenset[str]
    has_key: bool


async def run_check(
    settings: Settings, *, as_json: bool = False, address: DiscordAddress | None = None
) -> int:
    """Print every finding; return 0 if `limner run` would work, else 1.

    `as_json` prints one list of objects with level, subject and sentence, at the end.
    """
    console = Console(highlight=False)
    findings: list[CheckFinding] = []
    async for finding in find_all(settings, address=address):
        findings.append(finding)
        if not as_json:
            console.print(_render(finding), soft_wrap=True)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    return 1 if any(finding.level is Level.FAILED for finding in findings) else 0


async def find_all(
    settings: Settings, *, address: DiscordAddress | None = None
) -> AsyncIterator[CheckFinding]:
    """Run all checks; yields each finding as soon as it is known."""
    for name in find_unknown_names():
        yield CheckFinding(
            Level.NOTE,
            "settings",
            f"{name} is not a setting. Check its spelling in .env.example.",
        )
    async for finding in _check_discord(settings, address):
        yield finding
    yield await _check_database(settings)
    for finding in await asyncio.to_thread(_check_files, settings):
        yield finding
    yield await asyncio.to_thread(_check_credentials, settings)
    yield await _check_extra(settings)
    yield _check_videos()
    catalog = await asyncio.to_thread(load_catalog, settings)
    for problem in catalog.problems:
        yield CheckFinding(Level.NOTE, "workflows", str(problem))
    summaries = [summarise(workflow) for workflow in catalog.workflows.values()]
    for refusal in plan_commands(summaries, COMMAND_NAMES).refusals:
        yield CheckFinding(Level.NOTE, "workflows", refusal)
    answers: list[_Answer] = []
    async for finding in _check_backends(settings, answers):
        yield finding
    if answers:
        await catalog.learn(CommonClasses(tuple(answer.object_info for answer in answers)))
    for finding in _check_workflows(tuple(catalog.workflows.values()), answers, settings):
        yield finding


def _check_files(settings: Settings) -> tuple[CheckFinding, ...]:
    exposed = find_exposed(settings.data, *sqlite_files(settings.effective_database_url))
    if not exposed:
        return ()
    sentence = (
        f"Other users of this machine can access {exposed[0]} (and {len(exposed) - 1} more). "
        f"`limner run` fixes that, or: chmod -R go= {settings.data}"
    )
    return (CheckFinding(Level.NOTE, "files", sentence),)


def _check_credentials(settings: Settings) -> CheckFinding:
    if settings.credentials == "off":
        return CheckFinding(Level.FINE, "credentials", "Off: results are not marked.")
    if settings.credentials == "on" and not (settings.data / KEY_FILE).exists():
        return CheckFinding(Level.FINE, "credentials", "`limner run` makes the key.")
    try:
        credentials = load_credentials(settings.credentials, settings.data)
    except KeyUnusable as error:
        return CheckFinding(Level.NOTE, "credentials", f"Results are not marked. {error}")
    return CheckFinding(
        Level.FINE, "credentials", f"Results are signed by {credentials.fingerprint[:16]}."
    )


async def _check_discord(
    settings: Settings, address: DiscordAddress | None
) -> AsyncIterator[CheckFinding]:
    """Check the token and the gateway, then whether the operator can be notified."""
    if settings.discord_token is None:
        yield CheckFinding(Level.FAILED, "discord", LOGIN_IMPOSSIBLE)
        return
    async with LimnerClient(address=address) as client:
        try:
            await log_in(client, settings.discord_token.get_secret_value())
            _, _, starts = await client.http.get_bot_gateway()
        except StartupError as error:
            yield CheckFinding(Level.FAILED, "discord", str(error))
            return
        except (discord.DiscordException, *NETWORK_ERRORS):
            sentence = "The token is valid, but Discord offers no gateway right now."
            yield CheckFinding(Level.FAILED, "discord", sentence)
            return
        name = client.user.name if client.user else "the bot"
        left = f"{starts['remaining']} of {starts['total']} connections left today"
        # Intents are not checked: Limner uses no privileged intent.
        yield CheckFinding(Level.FINE, "discord", f"Logged in as {name}; {left}.")
        if settings.alerts:
            yield await _check_alerts(client, settings.alerts)


async def _check_alerts(client: LimnerClient, target: str) -> CheckFinding:
    try:
        name = await find_target(client, target)
    except DeliveryPostponed as error:
        return CheckFinding(Level.NOTE, "alerts", str(error))
    return CheckFinding(Level.FINE, "alerts", f"Sent to {name}.")


async def _check_database(settings: Settings) -> CheckFinding:
    try:
        state = await migrations.current_state(settings.effective_database_url)
    except DatabaseError as error:
        return CheckFinding(Level.FAILED, "database", str(error))
    newer = "Made by a newer Limner. Install that version, or restore an older backup."
    level, sentence = {
        MigrationState.EMPTY: (Level.FINE, "Empty: `limner run` creates its tables."),
        MigrationState.BEHIND: (Level.NOTE, "Outdated: `limner run` upgrades it."),
        MigrationState.TOO_NEW: (Level.FAILED, newer),
        MigrationState.CURRENT: (Level.FINE, "Up to date."),
    }[state]
    return CheckFinding(level, "database", sentence)


async def _check_extra(settings: Settings) -> CheckFinding:
    checker = find_checker()
    if checker is None:
        sentence = "NudeNet is not installed; `/mod image-check` needs limner[nsfw]."
        count = await _count_checked(settings)
        if not count:
            return CheckFinding(Level.FINE, "image check", sentence)
        held = f" Servers that use it: {count}; their results are held for moderators."
        return CheckFinding(Level.NOTE, "image check", sentence + held)
    try:
        await asyncio.to_thread(checker.check, imaging.grey())
    except Exception as error:  # noqa: BLE001 - any failure of the model is the finding
        sentence = f"NudeNet does not work ({type(error).__name__}): reinstall limner[nsfw]."
        return CheckFinding(Level.NOTE, "image check", sentence)
    return CheckFinding(Level.FINE, "image check", "NudeNet works; see `/mod image-check`.")


def _check_videos() -> CheckFinding:
    if video.is_installed():
        return CheckFinding(Level.FINE, "videos", "PyAV is installed.")
    sentence = (
        "PyAV is not installed (limner[video]). Without it, videos and sounds keep the prompts in "
        "their metadata whatever /settings say, blocked pictures are not recognized in videos, "
        "and videos over Discord's limit are not posted."
    )
    return CheckFinding(Level.NOTE, "videos", sentence)


async def _count_checked(settings: Settings) -> int:
    """Return the number of guilds with the image check on; 0 if the database is unreadable."""
    try:
        async with open_database(settings.effective_database_url) as database:
            return await ImageGate(database, None, utc_now).count_checked()
    except (CommandError, DatabaseError):
        # The database's own check reports this.
        return 0


async def _check_backends(
    settings: Settings, answers: list[_Answer]
) -> AsyncIterator[CheckFinding]:
    try:
        problems: list[str] = []
        members = build_pool_members(settings, note_problem=problems.append)
    except SettingsError as error:
        yield CheckFinding(Level.FAILED, "backends", str(error))
        return
    for problem in problems:
        yield CheckFinding(Level.NOTE, "backends", problem)
    results = await asyncio.gather(*map(_ask, members))
    for member, result in zip(members, results, strict=True):
        subject = f"backend {member.backend.name}"
        if isinstance(result, _Answer):
            answers.append(result)
            yield CheckFinding(Level.FINE, subject, _describe(result.description))
        else:
            # A note only, because `run` works with any one backend; without one, see below.
            yield CheckFinding(Level.NOTE, subject, result)
        if missing := member.power.find_problem():
            yield CheckFinding(Level.NOTE, subject, missing)
    if not answers and not any(member.power.wake for member in members):
        yield CheckFinding(
            Level.FAILED,
            "backends",
            "No backend can be used. Start ComfyUI, or correct COMFYUI_URLS.",
        )


async def _ask(member: PoolMember) -> _Answer | str:
    backend = member.backend
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            description = await backend.fetch_description()
            object_info = await backend.fetch_object_info()
        return _Answer(backend.name, description, object_info, member.tags, member.has_key)
    except TimeoutError:
        return "It does not answer in time. Check ComfyUI's log."
    except ComfyError as error:
        if member.power.wake and isinstance(error, BackendUnreachable):
            return "Off: it starts when work waits."
        return f"{error} {_advise(error)}".rstrip()
    finally:
        await backend.close()


def _advise(error: ComfyError) -> str:
    match error:
        case BackendUntrusted():
            return "Set its TLS options in backends.toml."
        case BackendUnreachable():
            return "Start ComfyUI there, or correct COMFYUI_URLS."
        case BackendRefused(status=401 | 403 | 407):
            return "Set its bearer_token or headers in backends.toml, or user:password@ in its URL."
        case NotComfyUI():
            return "Correct COMFYUI_URLS, or its url, kind or object_info in backends.toml."
        case _:
            return ""


def _describe(description: BackendDescription) -> str:
    devices = ", ".join(
        f"{device.name} with {device.memory_free / GIBIBYTE:.1f} of "
        f"{device.memory_total / GIBIBYTE:.1f} GiB free"
        for device in description.devices
    )
    if description.lacks:
        return f"{description.title}; unknown: {', '.join(description.lacks)}."
    return f"{description.title}, {devices or 'no device named'}."


def _check_workflows(
    workflows: Sequence[Workflow], answers: Sequence[_Answer], settings: Settings
) -> Iterable[CheckFinding]:
    for workflow in workflows:
        for answer in answers:
            subject = f"workflow {workflow.name} on {answer.name}"
            lacks = [
                *_missing_tags(workflow, answer),
                *_missing_nodes(workflow, answer),
                *_missing_models(workflow, answer, settings),
                *_missing_key(workflow, answer),
            ]
            if lacks:
                yield CheckFinding(Level.NOTE, subject, " ".join(lacks))
            else:
                yield CheckFinding(Level.FINE, subject, "Can run.")


def _missing_tags(workflow: Workflow, answer: _Answer) -> Iterable[str]:
    missing = sorted(set(workflow.manifest.tags) - answer.tags)
    if missing:
        yield f"Not used there: it lacks the tags {', '.join(missing)} in backends.toml."


def _missing_nodes(workflow: Workflow, answer: _Answer) -> Iterable[str]:
    missing = find_missing_nodes(workflow.graph, answer.object_info)
    if missing:
        listed = ", ".join(missing)
        yield f"Missing nodes: {listed}. Update ComfyUI, or install the nodes that provide them."


def _missing_models(workflow: Workflow, answer: _Answer, settings: Settings) -> Iterable[str]:
    """Return model inputs for whose default the backend has neither the file nor another one."""
    for name, (class_type, input_name) in workflow.model_slots.items():
        declared = workflow.manifest.find(name)
        choices = answer.object_info.choices(class_type, input_name)
        if declared is None or choices is None or declared.type.value == "lora":
            continue
        is_exact = workflow.manifest.is_exact(declared)
        if find_default(declared, choices, settings.default_models, is_exact=is_exact) is None:
            has = f"it has {', '.join(choices[:5])}" if choices else "it has none"
            choose = "" if declared.hidden else f"choose one with the {name} option, "
            yield (
                f"Missing model {declared.default} for {name}; {has}. Put the file there, {choose}"
                "or set default_models in backends.toml."
            )


def _missing_key(workflow: Workflow, answer: _Answer) -> Iterable[str]:
    if not answer.has_key and is_paid(workflow.graph, {answer.name: answer.object_info}):
        yield (
            "It calls a paid service: set api_key_comfy_org of this backend in backends.toml, or "
            "disable the workflow."
        )


def _render(finding: CheckFinding) -> Text:
    style = {Level.FINE: "green", Level.NOTE: "yellow", Level.FAILED: "bold red"}[finding.level]
    return Text.assemble(
        (f"{finding.level.value:7}", style), f"{finding.subject}: {finding.sentence}"
    )
