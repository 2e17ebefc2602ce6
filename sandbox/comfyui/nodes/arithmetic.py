"""The node class that calculates."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Final

from sandbox.comfyui.nodes.running import Inputs, NodeError, QuickNode, Result, RunContext

_OPERATORS: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _calculate(_: RunContext, inputs: Inputs) -> Result:
    values = {name.partition(".")[2]: value for name, value in inputs.items() if "." in name}
    value = _evaluate(ast.parse(str(inputs["expression"]), mode="eval").body, values)
    return Result((float(value), int(value), bool(value)))


def _evaluate(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_evaluate(left, values), _evaluate(right, values))
    raise NodeError(f"The stand-in cannot calculate {ast.unparse(node)}.", "ValueError")


QUICK: Final[Mapping[str, QuickNode]] = {"ComfyMathExpression": _calculate}
