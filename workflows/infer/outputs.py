"""Detection of outputs that can be made: those whose nodes have all required inputs."""

from collections.abc import Iterator, Sequence

from workflows.errors import Sentence
from workflows.graph import upstream
from workflows.infer.view import GraphView
from workflows.nodes import is_shown

_DYNAMIC = "COMFY_"
"""Prefixes of the types of inputs that are optional or repeated."""

NO_OUTPUT = Sentence(
    "No node saves or shows anything, so there is no result. Add one in ComfyUI, such as Save"
    " Image."
)


def find_open_inputs(view: GraphView, end: str) -> Iterator[str]:
    """Return sentences about unconnected inputs for which ComfyUI does not run an output."""
    for node_id in sorted(upstream(view.graph, [end]), key=list(view.graph).index):
        given = view.graph[node_id]["inputs"]
        for name, spec in view.required_inputs(node_id).items():
            is_socket = not is_shown(spec) and not spec.type.startswith(_DYNAMIC)
            if is_socket and name not in given:
                yield Sentence(
                    'Nothing is connected to {name} of "{node}" ({id}), so "{end}" ({end_id})'
                    " makes nothing.",
                    name=name,
                    node=view.title(node_id),
                    id=node_id,
                    end=view.title(end),
                    end_id=end,
                )


def check_outputs(view: GraphView, ends: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return sentences that prevent the use of the graph, and those about some outputs only."""
    if not ends:
        return [NO_OUTPUT], []
    open_inputs = {end: list(find_open_inputs(view, end)) for end in ends}
    sentences = [one for each in open_inputs.values() for one in each]
    return (sentences, []) if all(open_inputs.values()) else ([], sentences)
