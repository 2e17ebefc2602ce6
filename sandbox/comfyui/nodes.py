"""The node classes of the stand-in, by name."""

from collections.abc import Mapping
from typing import Final

from sandbox.comfyui import image_nodes, latent_nodes, media_nodes, model_nodes, output_nodes
from sandbox.comfyui.running import Inputs, QuickNode, Result, RunContext, SlowNode

SLOW_NODES: Final[Mapping[str, SlowNode]] = {
    **model_nodes.SLOW,
    **image_nodes.SLOW,
    **output_nodes.SLOW,
}
"""Classes that wait or report on the way."""

QUICK_NODES: Final[Mapping[str, QuickNode]] = {
    **model_nodes.QUICK,
    **latent_nodes.QUICK,
    **image_nodes.QUICK,
    **output_nodes.QUICK,
    **media_nodes.QUICK,
}
"""Classes that compute and are done."""


async def run_node(class_type: str, context: RunContext, inputs: Inputs) -> Result:
    """Run a class's function, a plain one in the worker thread."""
    quick = QUICK_NODES.get(class_type)
    if quick is not None:
        return await context.in_thread(quick, context, inputs)
    return await SLOW_NODES[class_type](context, inputs)
