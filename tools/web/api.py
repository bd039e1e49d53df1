"""Pages of the package's public names, for engineers; the words come from its docstrings."""

from __future__ import annotations

import importlib
import re

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
    """reStructuredText for autodoc."""
    title, listed = f"metarl_core.{package}", names(package)
    lines = [title, "=" * len(title), "", f".. automodule:: {title}", "   :no-members:", ""]
    lines += [f".. currentmodule:: {title}", "", ".. autosummary::", "   :nosignatures:", ""]
    lines += [f"   {name}" for name in listed]
    lines += ["", f".. automodule:: {title}", f"   :members: {', '.join(listed)}", "   :imported-members:"]
    return "\n".join([*lines, ""])


def overview() -> str:
    """The end of the page for engineers: what each package is for, and the table of contents below it."""
    lines = ["", "", "## The package", "", "| Package | What is there |", "|---|---|"]
    for package in PACKAGES:
        words = (importlib.import_module(f"metarl_core.{package}").__doc__ or "").strip().splitlines()[0]
        lines.append(f"| [`metarl_core.{package}`](api/{package}.rst) | {re.sub(r'[|]', '', words)} |")
    entries = [f"api/{package}" for package in PACKAGES]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *entries, "```", ""])
