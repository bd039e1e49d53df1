"""Pages of the package's public names, for engineers; the words come from its docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from functools import cache

from tools.course import ROOT

PACKAGES = (
    "tasks", "agents", "meta", "meta.supervised", "meta.policies", "meta.values", "meta.memory", "meta.models",
    "networks", "training", "parameters", "planning", "exact", "evaluation", "results", "plotting", "check",
)  # fmt: skip
"""in the order in which they are read"""


def names(package: str) -> list[str]:
    """Public names that have their home in this package: what a package below it lists, too, is shown there."""
    below = [other for other in PACKAGES if other.startswith(f"{package}.")]
    taken = {name for other in below for name in importlib.import_module(f"metarl_core.{other}").__all__}
    public = importlib.import_module(f"metarl_core.{package}").__all__
    return [name for name in public if name not in taken and f"{package}.{name}" not in PACKAGES]


def page(package: str) -> str:
    """reStructuredText for autodoc: what the package is for, its names at a glance, and each of them."""
    title, listed = f"metarl_core.{package}", names(package)
    module = importlib.import_module(title)
    told = [
        name for name in listed if inspect.isclass(getattr(module, name)) or inspect.isroutine(getattr(module, name))
    ]
    lines = [title, "=" * len(title), "", f".. automodule:: {title}", "", f".. currentmodule:: {title}", ""]
    lines += [".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in told)]
    for name in listed:
        thing = getattr(module, name)
        if name not in told:
            lines += ["", f".. py:data:: {name}", "", *(f"   {line}" for line in _said_of(name).splitlines())]
        elif inspect.isclass(thing):
            lines += ["", f".. autoclass:: {name}", "   :members:"]
        else:
            lines += ["", f".. autofunction:: {name}"]
    return "\n".join([*lines, ""])


def _said_of(constant: str) -> str:
    """The string under the assignment of a constant, which Python itself does not keep; nothing where there is none."""
    for text in _texts():
        if not re.search(rf"^{constant}\b", text, re.M):
            continue
        body = ast.parse(text).body
        for line, following in zip(body, body[1:], strict=False):
            targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == constant for target in targets):
                if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                    return str(following.value.value)
    return ""


@cache
def _texts() -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8") for path in sorted((ROOT / "metarl_core").rglob("*.py")))


def overview() -> str:
    """The end of the page for engineers: what each package is for, and the table of contents below it."""
    lines = ["", "", "## The package", "", "| Package | What is there |", "|---|---|"]
    for package in PACKAGES:
        words = (importlib.import_module(f"metarl_core.{package}").__doc__ or "").strip().splitlines()[0]
        lines.append(f"| [`metarl_core.{package}`](api/{package}.rst) | {words} |")
    entries = [f"api/{package}" for package in PACKAGES]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *entries, "```", ""])
