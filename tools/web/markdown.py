"""A notebook's Markdown as MyST: numbered equations that can be referred to, folded parts, links that hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath
from posixpath import normpath, relpath

FENCED = re.compile(r"^ {0,3}(```+|~~~+).*?^ {0,3}\1", re.S | re.M)
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.S)
DISPLAYED = re.compile(r"^( {0,3})\$\$(.+?)\$\$[ \t]*", re.S | re.M)
MATHS = re.compile(r"\$\$.+?\$\$|(?<![\\$])\$[^$\n]+(?:\n[^$\n]+)*?\$", re.S)
TAG = re.compile(r"\\tag\{(\d\d[a-z]?\.\d+)\}")
REFERENCE = re.compile(r"\((\d\d[a-z]?\.\d+)\)(?!\])")
FOLDED = re.compile(r"<details>\s*<summary>(.*?)</summary>\n(.*?)\n?</details>", re.S)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]+)\)")
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|#", re.I)


def label(number: str) -> str:
    """What the equation of this number is called in a link."""
    return f"eq-{number.replace('.', '-')}"


def tags(text: str) -> list[str]:
    """Numbers of the equations in a text that count in the whole course, as 05.4."""
    return TAG.findall(text)


def myst(text: str, page: str, equations: Mapping[str, str], pages: Collection[str]) -> str:
    """The text for the web edition.

    Args:
        text: Markdown of a cell.
        page: where it stands, as chapters/05_maml.ipynb.
        equations: the page of each numbered equation.
        pages: all pages, as they are linked to.
    """
    text = FOLDED.sub(_folded, text)
    text = outside_code(text, lambda part: DISPLAYED.sub(_displayed, part))
    text = outside_code(text, lambda part: LINK.sub(lambda match: _link(match, page, pages), part))
    return outside_maths(text, lambda part: REFERENCE.sub(lambda match: _reference(match, equations), part))


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text, changed where it is no code."""
    return _outside(text, re.compile(f"{FENCED.pattern}|{_renumbered(CODE)}", re.S | re.M), change)


def outside_maths(text: str, change: Callable[[str], str]) -> str:
    """The text, changed where it is neither code nor formula."""
    return outside_code(text, lambda part: _outside(part, MATHS, change))


def escaped(text: str) -> str:
    """Plain words as Markdown: what stands between backticks is code, everything else is what it looks like."""
    return outside_code(text, lambda part: re.sub(r"([\\*_<>\[\]$|~#{}])", r"\\\1", part))


def fold(title: str, body: str, kind: str = "") -> str:
    """A folded part, to be opened by its title."""
    marks = ":" * (1 + max([2, *(len(marks) for marks in re.findall(r"^:{3,}", body, re.M))]))
    option = f":class: {kind}\n" if kind else ""
    return f"{marks}{{folded}} {title}\n{option}\n{body.strip()}\n{marks}"


def _outside(text: str, inside: re.Pattern[str], change: Callable[[str], str]) -> str:
    parts, end = [], 0
    for match in inside.finditer(text):
        parts += [change(text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, change(text[end:])])


def _renumbered(pattern: re.Pattern[str]) -> str:
    """The pattern of inline code as a second alternative: its group is number 2 there."""
    return pattern.pattern.replace(r"\1", r"\2")


def _folded(match: re.Match[str]) -> str:
    return f"\n{fold(match[1].strip(), match[2])}\n"


def _displayed(match: re.Match[str]) -> str:
    targets = "".join(f"({label(number)})=\n" for number in tags(match[2]))
    return f"\n{targets}$${match[2].strip()}$$\n"


def _reference(match: re.Match[str], equations: Mapping[str, str]) -> str:
    return f"[({match[1]})](#{label(match[1])})" if match[1] in equations else match[0]


def _link(match: re.Match[str], page: str, pages: Collection[str]) -> str:
    picture, words, target = match.groups()
    if OUTSIDE.match(target):
        return match[0]
    place, _, anchor = target.partition("#")
    there = normpath((PurePosixPath(page).parent / place).as_posix())
    there = {"README.md": "index.md", "RESULTS.md": "results.md"}.get(there, there)
    if picture or there in pages:
        return f"{picture}[{words}]({relpath(there, PurePosixPath(page).parent)}{'#' + anchor if anchor else ''})"
    return words  # a file of the repository that has no page
