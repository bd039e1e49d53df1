"""What code a script or a notebook depends on, found without running it, and a digest of that code.

A digest changes where the code changes that can change a result: comments, docstrings, annotations, blank lines, the
order of imports and imports that nothing uses leave it as it is. It is the same on every version of Python.
"""

import ast
import functools
import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds the package, and in a checkout `experiments/`."""
PACKAGES = ("metarl_core", "experiments")
OUTSIDE = ("metarl_core.check", "metarl_core.plotting", "metarl_core.results", "metarl_core.widgets")
"""What shows, judges or stores results, and makes none of them."""


def modules_below(source: str, leave_out: Collection[str] = (), root: Path = ROOT, name: str = "") -> list[str]:
    """The modules of `PACKAGES` that Python source depends on, sorted.

    A name that a package's `__init__` re-exports leads to the module that defines it, not to its neighbours.

    Args:
        source: the text of a script or notebook.
        leave_out: modules and packages that are not followed.
        root: the folder in which the packages lie.
        name: the module's own name, where the source has relative imports.

    Raises:
        ValueError: for a text that is not Python.
    """
    waiting = list(_imported(_script(source, name), leave_out, root))
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _imported(_module(module, root), leave_out, root)
    return sorted(found)


def code_digest(
    source: str | Path, leave_out: Collection[str] = OUTSIDE, root: Path = ROOT, own_code: bool = True
) -> str:
    """Sixteen hexadecimal digits for the code of a script, and of the modules that it depends on.

    Args:
        source: the script's `Path`, or its text.
        leave_out: modules and packages that do not count.
        root: the folder in which the packages lie.
        own_code: False leaves out the code of the script itself.

    Raises:
        ValueError: where there is no such file, or it is not Python.
    """
    if isinstance(source, Path) and not source.is_file():
        raise ValueError(f"source must be a file or the text of one, got {source}, which is no file.")
    text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    parts = [_script(text).code] if own_code else []
    parts += [f"{name}\n{_module(name, root).code}" for name in modules_below(text, leave_out, root)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _script(text: str, name: str = "") -> "_Module":
    try:
        return _Module(text, name, False)
    except SyntaxError as error:
        raise ValueError(f"source must be Python, got a text with a fault in line {error.lineno}.") from error


class _Module:
    """A module's code without what cannot change a result, and its imports as (module, name or None, bound name)."""

    def __init__(self, source: str, name: str, package: bool):
        tree = ast.parse(source)
        self.package = name if package else name.rpartition(".")[0]
        stripped = _Strip().visit(tree)
        imports = [entry for node in ast.walk(tree) for entry in self._entries(node)]
        used = {node.id for node in ast.walk(stripped) if isinstance(node, ast.Name)}
        self.bound = {bound: (module, what) for module, what, bound in imports}
        # A package's imports are what it offers; elsewhere an import that nothing uses serves annotations.
        self.needs = [entry for entry in imports if package or entry[1] in (None, "*") or entry[2] in used]
        others = {entry for entry in self.needs if not entry[0].startswith(PACKAGES) and entry[2] in used}
        self.code = "\n".join([*(f"{bound} = {module} {what}" for module, what, bound in sorted(others, key=str))])
        self.code += "".join(_dump(_without_imports(stripped)))

    def _entries(self, node: ast.AST) -> Iterator[tuple[str, str | None, str]]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None, alias.asname or alias.name.partition(".")[0]
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = self.package.split(".")
                above = parts[: len(parts) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                yield base, alias.name, alias.asname or alias.name


def _path(module: str, root: Path) -> Path | None:
    """The file of a module, a package's `__init__.py`; None where it is none of `PACKAGES`."""
    if module.partition(".")[0] not in PACKAGES:
        return None
    base = root.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _module(name: str, root: Path) -> _Module:
    path = _path(name, root)
    assert path is not None
    return _read(path, name, path.stat().st_mtime_ns)


@functools.cache
def _read(path: Path, name: str, changed: int) -> _Module:
    return _Module(path.read_text(encoding="utf-8"), name, path.name == "__init__.py")


def _imported(module: _Module, leave_out: Collection[str], root: Path) -> Iterator[str]:
    """The modules that define what a module imports and uses."""
    for base, name, _ in module.needs:
        found = _defining(base, name, root)
        if found and not any(found == other or found.startswith(other + ".") for other in leave_out):
            yield found


def _defining(module: str, name: str | None, root: Path) -> str | None:
    """The module in which `name` of `module` is defined, `module` itself without a name; None outside `PACKAGES`."""
    if _path(module, root) is None:
        return None
    if name is None or name == "*":
        return module
    bound = _module(module, root).bound
    if name in bound and bound[name] != (module, name):
        return _defining(*bound[name], root)
    inner = f"{module}.{name}"
    return inner if _path(inner, root) else module


class _Strip(ast.NodeTransformer):
    """Removes docstrings, annotations, `__all__` and what is for type checkers only."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node

    def visit_Pass(self, node: ast.Pass) -> ast.AST | None:
        return None

    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        return None if "TYPE_CHECKING" in ast.unparse(node.test) else node

    def visit_arg(self, node: ast.arg) -> ast.AST | None:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST | None:
        node.returns = None
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets) else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """An assignment like any other, or a declaration, which is none."""
        return None if node.value is None else ast.Assign([node.target], node.value)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST | None:
        """The fields of a dataclass are what its annotations make them; which annotation matters for two only."""
        for field in node.body:
            if isinstance(field, ast.AnnAssign):
                kind = ast.unparse(field.annotation)
                special = [word for word in ("ClassVar", "InitVar", "KW_ONLY") if word in kind]
                field.annotation = ast.Constant(" ".join(special))
        node.body = [s if isinstance(s, ast.AnnAssign) else self.visit(s) for s in node.body]
        node.body = [statement for statement in node.body if statement is not None]
        return node


def _without_imports(tree: ast.AST) -> ast.AST:
    class Drop(ast.NodeTransformer):
        def visit_Import(self, node: ast.Import) -> ast.AST | None:
            return None

        def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
            return None

    return Drop().visit(tree)


def _dump(part: object) -> Iterable[str]:
    """Like `ast.dump`, but for what is empty, which versions of Python write differently."""
    if isinstance(part, ast.AST):
        yield type(part).__name__ + "("
        for field, value in ast.iter_fields(part):
            if field not in ("ctx", "kind", "type_comment") and value is not None and value != []:
                yield field + "="
                yield from _dump(value)
        yield ")"
    elif isinstance(part, list):
        yield "["
        for entry in part:
            yield from _dump(entry)
            yield ","
        yield "]"
    else:
        yield repr(part)
