"""Small changes to a module's source, each of which a test should notice."""

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}
_RETURNED_AS_NONE = ("None", "False")
"""What None in its place would change nothing of: in functions that return a `bool`, which mypy
holds, callers ask for its truth only. That True is returned instead of False is tried anyway."""
_CLOCK = "time.monotonic()"
_READING = re.compile(r"\bnow\b|time\.monotonic\(\)")
"""A reading of that clock, in modules that call it. It is never equal to a bound, so < for <= of it
changes nothing; an instant of 0.0, before the first reading, is as far in the past as 1.0."""

_LOGS = ("_log", "logger")
"""What is logged is not decided on."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change; `line` counts from 1."""

    line: int
    before: str
    after: str
    source: str


def mutate(source: str) -> list[Mutant]:
    """Make every mutant of a module, in the order of its lines."""
    mutants = []
    reads_clock = _CLOCK in source
    content = source.encode()
    starts = list(accumulate(map(len, content.splitlines(keepends=True)), initial=0))
    for node in _statements(ast.parse(source)):
        if reads_clock and _is_bound_of_reading(node):
            continue
        start, end = _bounds(node, starts)
        for changed in _changes(node):
            after = ast.unparse(changed)
            if after != ast.unparse(node):
                changed_source = content[:start] + _as_part(after, node) + content[end:]
                before = content[start:end].decode()
                mutants.append(Mutant(node.lineno, before, after, changed_source.decode()))
    return mutants


def _statements(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Everything that is executed: no annotations, docstrings, decorators or logging."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list", "type_comment", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_left_out(child):
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            yield from _statements(child)


def _is_left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
        return True
    if isinstance(node, ast.Assign):
        return ast.unparse(node).endswith("_at = 0.0")
    if isinstance(node, ast.keyword):
        # `zip(..., strict=True)` asserts that lengths are equal: without it nothing else happens.
        return ast.unparse(node) == "strict=True"
    if not isinstance(node, ast.Expr):
        return False
    return isinstance(node.value, ast.Constant) or ast.unparse(node.value).startswith(_LOGS)


def _is_bound_of_reading(node: ast.expr | ast.stmt) -> bool:
    match node:
        case ast.Compare(ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()]):
            return _READING.search(ast.unparse(node)) is not None
    return False


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=ops):
            for index, operator in enumerate(ops):
                changed = copy.deepcopy(node)
                changed.ops[index] = _COMPARISONS[type(operator)]()
                yield changed
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.And() if isinstance(operator, ast.Or) else ast.Or(), values)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            yield ast.IfExp(test, otherwise, body)
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.Return(value=value) if value and ast.unparse(value) not in _RETURNED_AS_NONE:
            yield ast.Return(ast.Constant(None))


def _bounds(node: ast.expr | ast.stmt, starts: list[int]) -> tuple[int, int]:
    """Return the bytes of a module that a node takes; `starts` are those of its lines."""
    last_line, last_column = node.end_lineno or 0, node.end_col_offset or 0
    return starts[node.lineno - 1] + node.col_offset, starts[last_line - 1] + last_column


def _as_part(text: str, node: ast.expr | ast.stmt) -> bytes:
    """Write what takes the place of a node."""
    needs_parentheses = isinstance(node, ast.expr) and not isinstance(node, ast.Constant)
    return (f"({text})" if needs_parentheses else text).encode()
