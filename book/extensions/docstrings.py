"""Docstrings of the package as reStructuredText: code is code, and nothing else is markup."""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

CODE = re.compile(r"`[^`]+`|``.+?``", re.S)
BORDER = re.compile(r"\s*=+( +=+)+\s*")
OPENS, CLOSES = " \n'\"([{<-/:", " \n'\")]}>-/\\:.,;!?"


def depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def plain(text: str) -> str:
    """Running text with `*`, `|` and a final `_` as themselves; code may stand beside anything."""
    parts, end = [], 0
    for match in CODE.finditer(text):
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        opened, closed = "" if before in OPENS else "\\ ", "" if after in CLOSES else "\\ "
        parts += [_escaped(text[end : match.start()]), opened, match[0], closed]
        end = match.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return re.sub(r"(\w)_(?!\w)", r"\1\\_", re.sub(r"([*|])", r"\\\1", text))


def restructured(lines: list[str]) -> list[str]:
    """The lines of a docstring. Tables stay; a paragraph set in by four and more after a blank line is code."""
    done: list[str] = []
    running: list[str] = []
    inside: int | None = None  # how far a block of code is set in
    before, table = 0, False

    def flush() -> None:
        done.extend(plain("\n".join(running)).split("\n") if running else [])
        running.clear()

    for number, line in enumerate(lines):
        words, blank = line.strip(), not line.strip()
        table = bool(BORDER.fullmatch(line)) or (table and not blank)
        if inside is not None and words and depth(line) < inside:
            inside = None
        elif inside is None and words and number and not lines[number - 1].strip() and depth(line) >= before + 4:
            flush()
            done.extend([" " * before + "::", ""])
            inside = depth(line)
        if inside is not None or table:
            flush()
            done.append(line)
        else:
            running.append(line)
        before = before if blank or inside is not None else depth(line)
    flush()
    return done


def rewrite(app, what, name, thing, options, lines: list[str]) -> None:
    lines[:] = restructured(lines)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("autodoc-process-docstring", rewrite, priority=100)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
