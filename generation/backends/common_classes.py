"""The union of the backends' node classes, for reading and presenting workflows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from comfy.protocol.object_info import InputSpec, ObjectInfo


@dataclass(frozen=True, slots=True)
class CommonClasses:
    """The node classes of several backends, presented as those of one.

    A class counts when any backend has it; its lists and bounds are those that all backends that
    have it allow, so that a run may go to each of them. Two of the same descriptions are equal.
    """

    infos: tuple[ObjectInfo, ...]

    def has(self, class_type: str) -> bool:
        """Return whether any backend has the class."""
        return any(info.has(class_type) for info in self.infos)

    def inputs(self, class_type: str) -> Mapping[str, InputSpec]:
        """Return every input by name, in the order of the first backend that has the class."""
        names = self._first(class_type).inputs(class_type)
        return {name: self.input(class_type, name) or spec for name, spec in names.items()}

    def input(self, class_type: str, input_name: str) -> InputSpec | None:
        """Return one input; `name.part` is a part of a dynamic one."""
        specs = [info.input(class_type, input_name) for info in self.infos if info.has(class_type)]
        known = [spec for spec in specs if spec is not None]
        return _common(known) if known else None

    def outputs(self, class_type: str) -> tuple[str, ...]:
        """Return the types of the class's outputs, in order."""
        return self._first(class_type).outputs(class_type)

    def output_names(self, class_type: str) -> tuple[str, ...]:
        """Return the names of the class's outputs, in order."""
        return self._first(class_type).output_names(class_type)

    def is_partner(self, class_type: str) -> bool:
        """Return whether any backend says that the class calls a paid service."""
        return any(info.is_partner(class_type) for info in self.infos)

    def is_output_node(self, class_type: str) -> bool:
        """Return whether the node's results are results of the run."""
        return self._first(class_type).is_output_node(class_type)

    def display_name(self, class_type: str) -> str:
        """Return the title that the editor shows."""
        return self._first(class_type).display_name(class_type)

    def _first(self, class_type: str) -> ObjectInfo:
        having = (info for info in self.infos if info.has(class_type))
        return next(having, self.infos[0] if self.infos else ObjectInfo({}))


def _common(specs: Sequence[InputSpec]) -> InputSpec:
    first, *others = specs
    if not others:
        return first
    leasts = [spec.min for spec in specs if spec.min is not None]
    mosts = [spec.max for spec in specs if spec.max is not None]
    return replace(
        first,
        min=max(leasts, default=None),
        max=min(mosts, default=None),
        choices=_common_choices([spec.choices for spec in specs if spec.choices is not None]),
    )


def _common_choices(lists: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the choices that all lists share, in the first's order; the union if none."""
    if not lists:
        return None
    shared = tuple(one for one in lists[0] if all(one in listed for listed in lists))
    return shared or tuple(dict.fromkeys(one for listed in lists for one in listed))
