"""The node classes of the stand-in, by name."""

from collections.abc import Mapping
from typing import Final

from sandbox.comfyui.nodes import (
    arithmetic,
    images,
    latents,
    media,
    models,
    outputs,
    passing,
    perception,
)
from sandbox.comfyui.nodes.running import Inputs, QuickNode, Result, RunContext, SlowNode

SLOW_NODES: Final[Mapping[str, SlowNode]] = {
    **models.SLOW,
    **images.SLOW,
    **outputs.SLOW,
}
"""Asynchronous node functions, which wait or report progress."""

QUICK_NODES: Final[Mapping[str, QuickNode]] = {
    **models.QUICK,
    **latents.QUICK,
    **images.QUICK,
    **outputs.QUICK,
    **media.QUICK,
    **passing.QUICK,
    **perception.QUICK,
    **arithmetic.QUICK,
}
"""Synchronous node functions."""


async def run_node(class_type: str, context: RunContext, inputs: Inputs) -> Result:
    """Run a class's function, a plain one in the worker thread."""
    quick = QUICK_NODES.get(class_type)
    if quick is not None:
        return await context.in_thread(quick, context, inputs)
    return await SLOW_NODES[class_type](context, inputs)
