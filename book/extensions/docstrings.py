"""Docstrings of the package as reStructuredText: what looks like a reference or an emphasis there is none."""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

CODE = re.compile(r"(`+[^`]*`+)")


def plain(line: str) -> str:
    """The line with `*`, `|` and a final `_` as themselves, outside of code."""
    parts = CODE.split(line)
    return "".join(
        part if number % 2 else re.sub(r"(\w)_(?!\w)", r"\1\\_", re.sub(r"([*|])", r"\\\1", part))
        for number, part in enumerate(parts)
    )


def escape(app, what, name, thing, options, lines: list[str]) -> None:
    lines[:] = [line if line.startswith(("    ", ":")) and False else plain(line) for line in lines]


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("autodoc-process-docstring", escape, priority=100)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
