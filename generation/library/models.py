"""Model files that workflows load: the backends that have them, and where to download them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from comfy.protocol.object_info import ObjectInfo
from workflows.manifest import Model
from workflows.model_files import ModelFile, find_model_files
from workflows.workflow import Workflow


@dataclass(frozen=True, slots=True)
class WantedModel:
    """A model file and the names of the workflows that load it.

    `backends` are those that have it; None if no backend could be asked. `folder` is below
    ComfyUI's models folder, None if unknown. `source` says where to download it.
    """

    name: str
    folder: str | None
    source: Model | None
    workflows: tuple[str, ...]
    backends: tuple[str, ...] | None

    @property
    def url(self) -> str | None:
        """Where to download it, if known."""
        return self.source.url if self.source else None

    @property
    def is_missing(self) -> bool:
        """Whether backends were asked and none has it."""
        return self.backends == ()


def find_wanted_models(
    workflows: Iterable[Workflow], infos: Mapping[str, ObjectInfo]
) -> tuple[WantedModel, ...]:
    """Return every model file that the workflows load, in order; `infos` are by backend."""
    files: dict[tuple[str, str | None], ModelFile] = {}
    users: dict[tuple[str, str | None], list[str]] = {}
    for workflow in workflows:
        for file in find_model_files(workflow):
            key = file.name, file.folder
            # Of several workflows that load it, one with a source counts.
            if key not in files or files[key].source is None:
                files[key] = file
            users.setdefault(key, []).append(workflow.name)
    return tuple(
        WantedModel(
            file.name, file.folder, file.source, tuple(users[key]), find_holders(file, infos)
        )
        for key, file in files.items()
    )


def find_holders(file: ModelFile, infos: Mapping[str, ObjectInfo]) -> tuple[str, ...] | None:
    """Return the backends that list the file; None if none has such a list."""
    lists = {name: info.choices(file.class_type, file.input_name) for name, info in infos.items()}
    known = {name: choices for name, choices in lists.items() if choices is not None}
    return tuple(name for name, choices in known.items() if file.name in choices) if known else None
