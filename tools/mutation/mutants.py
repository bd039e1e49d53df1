"""All mutants of a solution cell: the function that a check judges, with one thing changed."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.mutation.operators import alternatives, other_statements


@dataclass(frozen=True)
class Mutant:
    """A changed cell, and the change in words that name it: `c = a + b: a + b -> a - b`."""

    name: str
    code: str


def mutants(code: str, answer: str | None = None) -> list[Mutant]:
    """Every mutant of the functions and classes in a cell's code, once; of those that the expression `answer` reaches.

    Nothing is changed above a mark BEGIN SOLUTION: in a debug exercise the broken lines stand there, without effect.
    """
    tree = ast.parse(code)
    _without_docstrings(tree)
    since = next((n for n, line in enumerate(code.splitlines(), 1) if "### BEGIN SOLUTION" in line), 1)
    original, found = ast.unparse(tree), {}
    for name, changed in _changes(tree, since, _reached(tree, answer)):
        try:
            text = ast.unparse(ast.fix_missing_locations(changed))
            compile(text, "mutant", "exec")
        except (SyntaxError, ValueError, TypeError):
            continue
        if text != original and text not in found:
            found[text] = Mutant(name, text)
    return _numbered(list(found.values()))


def _reached(tree: ast.Module, answer: str | None) -> set[str]:
    """The names of the cell's functions and classes that an expression uses, by way of others too; None: of all."""
    parts = {part.name: part for part in tree.body if isinstance(part, (ast.FunctionDef, ast.ClassDef))}
    if answer is None:
        return set(parts)
    found: set[str] = set()
    new = _names(ast.parse(answer)) & set(parts)
    while new:
        found |= new
        new = set().union(*(_names(parts[name]) for name in new)) & set(parts) - found
    return found


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _numbered(every: list[Mutant]) -> list[Mutant]:
    """Names made unique: the same change may be possible twice in a line."""
    seen: dict[str, int] = {}
    result = []
    for one in every:
        seen[one.name] = seen.get(one.name, 0) + 1
        name = one.name if seen[one.name] == 1 else f"{one.name} ({seen[one.name]})"
        result.append(Mutant(name, one.code))
    return result


def _changes(tree: ast.Module, since: int, names: set[str]) -> Iterator[tuple[str, ast.Module]]:
    """From line `since` on, in the functions and classes of these names."""
    places = [
        (path, node, inside)
        for top, statement in enumerate(tree.body)
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) and statement.name in names
        for path, node, inside in _walk(statement, (("body", top),), "")
    ]
    for path, node, inside in places:
        for other in alternatives(node) if getattr(node, "lineno", since) >= since else ():
            words = f"{inside}: {ast.unparse(node)} -> {_short(other)}"
            yield words, _replaced(tree, path, lambda _, o=other: o)
        for field in ("body", "orelse"):
            body = getattr(node, field, None)
            if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
                for new in other_statements(body, since):
                    words = f"{_short(node).splitlines()[0]} {field}: {_lost(body, new)}"
                    yield words, _replaced(tree, path, lambda n, f=field, b=new: _set(n, f, b))


def _walk(node: ast.AST, path: tuple, inside: str) -> Iterator[tuple[tuple, ast.AST, str]]:
    """Nodes in evaluated positions (no decorators, annotations or defaults), the way to each, and its statement."""
    if isinstance(node, ast.stmt):
        inside = ast.unparse(node).splitlines()[0]
    yield path, node, inside
    for field, value in ast.iter_fields(node):
        if field in ("decorator_list", "returns", "annotation", "args") and not isinstance(node, ast.Call):
            continue
        for i, part in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(part, ast.AST):
                yield from _walk(part, (*path, (field, i)), inside)


def _replaced(tree: ast.Module, path: tuple, change: Callable) -> ast.Module:
    new = copy.deepcopy(tree)
    parent: ast.AST = new
    for field, i in path[:-1]:
        parent = getattr(parent, field) if i is None else getattr(parent, field)[i]
    field, i = path[-1]
    if i is None:
        setattr(parent, field, copy.deepcopy(change(getattr(parent, field))))
    else:
        getattr(parent, field)[i] = copy.deepcopy(change(getattr(parent, field)[i]))
    return new


def _set(node: ast.AST, field: str, value: list) -> ast.AST:
    setattr(node, field, value)
    return node


def _lost(body: list[ast.stmt], new: list[ast.stmt]) -> str:
    before, after = ([ast.unparse(ast.fix_missing_locations(copy.deepcopy(s))) for s in part] for part in (body, new))
    gone = [line for line in before if line not in after]
    came = [line for line in after if line not in before]
    if _first(gone) == _first(came):
        return f"{_first(gone)} ends after its first round" if len(new) == len(body) else f"{_first(gone)} changed"
    return f"{_first(gone)} -> {_first(came)}"


def _first(lines: list[str]) -> str:
    return lines[0].splitlines()[0] if lines else "nothing"


def _short(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))


def _without_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
