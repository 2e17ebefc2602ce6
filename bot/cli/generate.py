"""`limner generate`: one generation from the terminal, through the same service as the bot."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import assert_never

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from bot.core import Storage, open_core, require_backend
from bot.operating.private_files import keep_private
from bot.replies.request_messages import facts
from bot.settings import Settings
from bot.ui.error_messages import FAILURE_TITLES
from generation.errors import FailureKind, RequestRefused
from generation.events import Ended, Running, Waiting
from generation.notifier import Notifier
from generation.record import Generation, OutputContent
from generation.request import GenerationRequest, Requester
from generation.service import GenerationService

ATTACHED = "@"
"""Prefix of a file's path as an input's value, as in curl."""

_TERMINAL = Requester(user_id=0, name="terminal", channel_id=0, is_operator=True)


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """Options of `limner generate`; `values` are unparsed text."""

    prompt: str
    workflow: str | None = None
    image: Path | None = None
    mask: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    out: Path = Path()


async def run_generate(settings: Settings, options: GenerateOptions) -> int:
    """Run one generation and save its results; returns the exit status.

    Records and queue live in a temporary folder, so it works beside a running bot, charges nobody
    and leaves no history.
    """
    console = Console(stderr=True)
    await asyncio.to_thread(keep_private, settings.data)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="limner-") as folder:
        storage = Storage.inside(Path(folder))
        await storage.prepare()
        async with open_core(settings, storage, build_notifier=lambda *_: Notifier()) as core:
            await require_backend(core)
            request = _build_request(options)
            try:
                generation = await core.service.submit(request)
            except RequestRefused as refusal:
                _tell(console, refusal.kind, refusal.sentence)
                return 1
            ended = await _follow(core.service, generation.id, console)
            if ended.failure is not None:
                _tell(console, ended.failure.kind, ended.failure.sentence)
                return 1
            for path in _save(ended.id, await core.service.contents(ended.id), options.out):
                print(path)  # noqa: T201 - the result of the command, for scripts
            console.print(facts(ended), highlight=False)
            return 0


def _tell(console: Console, kind: FailureKind, sentence: str) -> None:
    """Print a failure; a typed text in it is no markup."""
    said = Text.assemble((FAILURE_TITLES[kind], "red"), f": {sentence}")
    console.print(said, soft_wrap=True)


def _build_request(options: GenerateOptions) -> GenerationRequest:
    values: dict[str, str | int] = {**options.values}
    if options.seed is not None:
        values["seed"] = options.seed
    given = {"image": options.image, "mask": options.mask}
    for name, text in options.values.items():
        if text.startswith(ATTACHED) and (path := Path(text.removeprefix(ATTACHED))).is_file():
            given[name] = path
            del values[name]
    return GenerationRequest(
        requester=_TERMINAL,
        prompt=options.prompt,
        workflow=options.workflow,
        values={name: value for name, value in values.items() if name != "aspect"},
        files={
            name: partial(asyncio.to_thread, path.read_bytes)
            for name, path in given.items()
            if path
        },
        aspect=options.values.get("aspect"),
    )


async def _follow(service: GenerationService, generation_id: str, console: Console) -> Generation:
    # The description may be a node's title, which somebody wrote.
    description = TextColumn("{task.description}", markup=False)
    columns = (description, BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("waiting", total=1.0)
        async with aclosing(service.events(generation_id)) as events:
            async for event in events:
                match event:
                    case Waiting():
                        bar.update(task, description=f"waiting, {event.position} in the queue")
                    case Running(progress=progress):
                        steps = f" {progress.step}/{progress.steps}" if progress.steps else ""
                        text = (progress.activity or "running") + steps
                        bar.update(task, completed=progress.fraction, description=text)
                    case Ended(generation=generation):
                        done = generation.failure is None
                        bar.update(task, completed=1.0 if done else None, description="done")
                        return generation
                    case _:
                        assert_never(event)
    raise RuntimeError("The events of a generation ended without an end.")


def _save(generation_id: str, contents: Sequence[OutputContent], folder: Path) -> list[Path]:
    paths = []
    for content in contents:
        output = content.output
        suffix = PurePosixPath(output.filename).suffix
        # The backend chose it; on Windows a colon or a backslash would lead elsewhere.
        suffix = suffix if suffix[1:].isalnum() else ""
        path = folder / f"limner-{generation_id}-{output.position + 1}{suffix}"
        path.write_bytes(content.content)
        paths.append(path)
    return paths
