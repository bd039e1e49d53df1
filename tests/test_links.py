"""A crawler: every link of every notebook leads somewhere, in the book (the repository) and on the learner's desk."""

import json
import re
from urllib.parse import unquote

import pytest

from tools import desk
from tools.course import ROOT, read

# [words](target) and [words](target "title"), reference definitions, and HTML's href and src.
LINK = re.compile(
    r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^\s*\[[^\]]+\]:\s*(\S+)|(?:href|src)=[\"']([^\"']+)[\"']", re.M
)
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
FENCED = re.compile(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$", re.S)


def texts(path):
    """The Markdown of a notebook or a Markdown file, by cell."""
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def links(path):
    for text in texts(path):
        for found in LINK.finditer(FENCED.sub("", text)):
            yield next(part for part in found.groups() if part)


def anchors(path):
    """Ids of headings as JupyterLab makes them (spaces to hyphens) and as GitHub does (small letters, no marks)."""
    found = set()
    for text in texts(path):
        found |= set(re.findall(r"(?:id|name)=[\"']([^\"']+)[\"']", text))
        for heading in re.findall(r"^#{1,6}\s+(.+?)\s*$", text, re.M):
            plain = re.sub(r"[*_`]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
            found |= {plain.replace(" ", "-"), re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")}
    return found


def broken(path, root):
    """The links of a file that lead nowhere, or out of `root`."""
    for target in links(path):
        if OUTSIDE.match(target):
            continue
        place, _, anchor = unquote(target).partition("#")
        there = (path.parent / place).resolve() if place else path.resolve()
        if not there.exists() or not there.is_relative_to(root.resolve()):
            yield target
        elif anchor and there.suffix in (".md", ".ipynb") and anchor not in anchors(there):
            yield target


BOOK = [
    *(path for folder in ("chapters", "exercises", "solutions") for path in sorted((ROOT / folder).glob("*.ipynb"))),
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "classroom").rglob("*.md")),
]


@pytest.mark.parametrize("path", BOOK, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_of_the_book(path):
    assert list(broken(path, ROOT)) == []


@pytest.fixture(scope="module")
def laid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a desk ü")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DATA_DIR", str(folder.parent / "data"))
        desk.lay(folder, ROOT)
    return folder


def test_links_of_the_desk(laid):
    pages = [path for path in laid.rglob("*") if path.suffix in (".md", ".ipynb")]
    assert len(pages) > 20
    assert {str(path.relative_to(laid)): list(broken(path, laid)) for path in pages if list(broken(path, laid))} == {}


def test_from_the_first_page_every_notebook_of_the_desk_is_reached(laid):
    waiting, met = [laid / desk.FIRST], set()
    while waiting:
        page = waiting.pop()
        if page not in met and page.suffix in (".md", ".ipynb"):
            met.add(page)
            waiting += [
                (page.parent / unquote(target).partition("#")[0]).resolve()
                for target in links(page)
                if not OUTSIDE.match(target) and not target.startswith("#")
            ]
    assert {path for path in laid.rglob("*.ipynb")} - met == set()


def test_every_notebook_ends_with_links_onward(laid):
    course = {chapter.stem: chapter for chapter in read().ready}
    for path in (laid / "chapters").glob("*.ipynb"):
        chapter, last = course[path.stem], texts(path)[-1].splitlines()[-1]
        assert "next: [" in last or chapter.number[:2] == list(course)[-1][:2]
        assert chapter.exercises is None or chapter.exercises_stem in last
    for path in (laid / "exercises").glob("*.ipynb"):
        assert texts(path)[-1].startswith("Back to [")


def test_the_crawler_sees_what_is_broken(tmp_path):
    (tmp_path / "b.md").write_text("# Two words: $x$\n<a id='here'></a>\n[back](a.md)")
    (tmp_path / "a.md").write_text(
        "[x](b.md) [x](b.md#Two-words:-$x$) [x](b.md#two-words-x) [x](b.md#here) [x](https://a.b) `[x](no)` [x](#no)\n"
        '[x](c.md "title") <img src="d.png"> [x](b.md#there) [x](../b.md)\n[r]: e.md\n'
    )
    assert list(broken(tmp_path / "a.md", tmp_path)) == ["#no", "c.md", "d.png", "b.md#there", "../b.md", "e.md"]
