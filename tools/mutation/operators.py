"""What can be changed in a solution's syntax tree: each operator gives other nodes that may stand in a node's place.

Libraries for mutation testing change files and run a test command for each mutant. Here a mutant is a cell of a
notebook and its test a call that takes milliseconds; and what matters is particular to tensors: axes, detach, sums
against means. So the operators are our own.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

ARITHMETIC = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,), ast.FloorDiv: (ast.Div,),
    ast.Pow: (ast.Mult,), ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,), ast.Mod: (ast.FloorDiv,),
}  # fmt: skip
COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
RIVALS = {
    "mean": "sum", "sum": "mean", "nanmean": "mean", "min": "max", "max": "min", "amin": "amax", "amax": "amin",
    "minimum": "maximum", "maximum": "minimum", "argmax": "argmin", "argmin": "argmax", "std": "var", "var": "std",
    "any": "all", "all": "any", "zeros": "ones", "ones": "zeros", "zeros_like": "ones_like", "floor": "ceil",
    "ones_like": "zeros_like", "ceil": "floor", "log": "exp", "exp": "log", "sin": "cos", "cos": "sin",
    "cumsum": "cumprod", "square": "abs", "abs": "square", "rand": "randn", "randn": "rand", "prod": "sum",
    "logical_and": "logical_or", "logical_or": "logical_and", "triu": "tril", "tril": "triu", "sqrt": "square",
}  # fmt: skip
DROPPED = {
    "detach", "clamp", "clamp_min", "clone", "abs", "square", "flip", "sort", "exp", "log", "sqrt", "requires_grad_",
    "relu", "unsqueeze", "squeeze", "mT", "T", "double", "float", "bool", "int", "item", "transpose", "reversed",
    "sorted", "set", "max", "min", "round", "ceil", "floor", "softplus", "softmax", "log_softmax", "copy", "deepcopy",
}  # fmt: skip


def alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that may stand in the place of `node`; it is left as it is."""
    if isinstance(node, ast.BinOp):
        for operator in ARITHMETIC.get(type(node.op), ()):
            yield _with(node, op=operator())
        yield node.left  # a dropped term, factor, mask
        yield node.right
        if isinstance(node.op, (ast.Sub, ast.Div, ast.MatMult, ast.Pow)):
            yield _with(node, left=node.right, right=node.left)
        yield _detached(node)
    elif isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant):
        yield node.operand
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield _with(node, ops=[COMPARISONS[type(node.ops[0])]()])
        if type(node.ops[0]) in (ast.Lt, ast.LtE, ast.Gt, ast.GtE):
            yield _with(node, left=node.comparators[0], comparators=[node.left])
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        yield from node.values
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node)
    elif isinstance(node, ast.Slice):
        for bound in ("lower", "upper", "step"):
            if getattr(node, bound) is not None:
                yield _with(node, **{bound: None})
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)


def other_statements(body: list[ast.stmt], since: int = 1) -> Iterator[list[ast.stmt]]:
    """Bodies in which one statement is lost, an `if` is decided, or a loop ends after its first round.

    Statements above line `since` stay as they are.
    """
    for i, statement in enumerate(body):
        if statement.lineno < since:
            continue
        before, after = body[:i], body[i + 1 :]
        if isinstance(statement, (ast.Assign, ast.AugAssign, ast.Expr, ast.For, ast.While, ast.If)) and not (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            yield [*before, ast.Pass(), *after]
        if isinstance(statement, ast.If):
            yield [*before, *statement.body, *after]
            if statement.orelse:
                yield [*before, *statement.orelse, *after]
        if isinstance(statement, ast.For):
            yield [*before, _with(statement, body=[*statement.body, ast.Break()]), *after]
        if isinstance(statement, ast.AugAssign):
            for operator in ARITHMETIC.get(type(statement.op), ()):
                yield [*before, _with(statement, op=operator()), *after]
            yield [*before, ast.Assign([_stored(statement.target)], statement.value, lineno=0), *after]


def _with(node: ast.AST, **fields) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _stored(target: ast.expr) -> ast.expr:
    return _with(target, ctx=ast.Store())  # type: ignore[return-value]


def _detached(node: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(node, "detach", ast.Load()), [], [])


def _other_constants(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node.value, float):
        yield ast.Constant(node.value * 1.5 if node.value else 0.5)


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in RIVALS:
        other = _with(node.func, attr=RIVALS[name]) if isinstance(node.func, ast.Attribute) else ast.Name(RIVALS[name])
        yield _with(node, func=other)
    if name in DROPPED:
        if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
            yield node.func.value
        elif node.args:
            yield node.args[0]
    for i in range(len(node.keywords)):
        yield _with(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])
    if len(node.args) >= 2 and not any(isinstance(argument, ast.Starred) for argument in node.args[:2]):
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    if name == "range":
        last = node.args[-1] if len(node.args) < 3 else node.args[1]
        shorter = ast.BinOp(last, ast.Sub(), ast.Constant(1))
        yield _with(node, args=[shorter] if len(node.args) == 1 else [node.args[0], shorter, *node.args[2:]])
        if len(node.args) == 1:
            yield _with(node, args=[ast.Constant(1), last])


def _is_module(node: ast.expr) -> bool:
    """Whether it is the name of a library: `torch.exp(x)` has its subject among the arguments."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in ("torch", "np", "math", "F", "itertools", "copy", "random")
