"""Errors of this package, by what a caller can do.

WorkflowError
├── WorkflowUnusable        a file cannot be used until somebody corrects it
│   ├── InvalidGraph        the graph is not one that ComfyUI's API takes
│   │   ├── NothingCarried  … there is none in the file
│   │   └── UnknownClasses  … it has nodes whose class is not installed
│   └── InvalidManifest     the manifest says something it cannot mean
└── ValueRefused            a person's value cannot be taken: tell them which, and why
    ├── InvalidValue        wrong type, out of bounds, or not one of the choices
    ├── UnknownInput        the workflow has no place for it
    └── MissingInput        the workflow cannot do without it
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self


class Sentence(str):
    """An English sentence that keeps its template and facts, by which it can be translated."""

    __slots__ = ("facts", "template")

    template: str
    facts: Mapping[str, object]

    def __new__(cls, template: str, **facts: object) -> Self:
        """Fill the {placeholders} of a template."""
        sentence = super().__new__(cls, template.format(**facts))
        sentence.template, sentence.facts = template, facts
        return sentence


class WorkflowError(Exception):
    """The base of every error that leaves this package."""


class WorkflowUnusable(WorkflowError):
    """A file cannot be used; `sentences` has one plain sentence for each mistake."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__(" ".join(self.sentences))


class InvalidGraph(WorkflowUnusable):
    """The graph is not valid API-format JSON."""


class UnknownClasses(InvalidGraph):
    """The backend lacks node classes; `nodes` has the nodes that need each, by class."""

    def __init__(self, nodes: Mapping[str, Sequence[str]]) -> None:
        super().__init__(
            Sentence(
                "The node class {name} is not installed; {nodes} cannot run without it.",
                name=name,
                nodes=", ".join(needed),
            )
            for name, needed in nodes.items()
        )
        self.nodes = {name: tuple(needed) for name, needed in nodes.items()}


class NothingCarried(InvalidGraph):
    """The file contains no workflow."""


class InvalidManifest(WorkflowUnusable):
    """The manifest is invalid, alone or together with the graph."""


class ValueRefused(WorkflowError):
    """A person's value is invalid. `name` is the input's.

    `template` is a sentence for the person, with {placeholders} for `facts`, which include the
    name.
    """

    def __init__(self, name: str, template: str, facts: Mapping[str, object] | None = None) -> None:
        self.name = name
        self.template = template
        self.facts = {"name": name, **(facts or {})}
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The sentence in English."""
        return self.template.format(**self.facts)


class InvalidValue(ValueRefused):
    """The value has the wrong type, is out of bounds, or is not one of the choices."""


class UnknownInput(ValueRefused):
    """The workflow has no input of this name, or does not offer it to people."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "This workflow has no place for the option {name}. Leave it out.")


class MissingInput(ValueRefused):
    """A required input was left out."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "This workflow needs the option {name}. Fill it in.")
