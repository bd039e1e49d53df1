"""The web edition before Sphinx: every notebook has its page, nothing is left of the kernel, catalogues are in step.

What needs the extra `book` is in test_book_pages.py.
"""

import ast
import json
import re

import pytest
from babel.messages.pofile import read_po

from tools.course import ROOT, read
from tools.web.catalogues import DIGESTS, LOCALE, digest, languages, translated
from tools.web.citation import citation
from tools.web.lay import lay, notebooks
from tools.web.markdown import fold, label, myst

COURSE = read()


@pytest.fixture(scope="module")
def laid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book") / "source"
    lay(folder)
    return folder


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def laid_notebooks(folder):
    return [path for path in sorted(folder.rglob("*.ipynb"))]


def words(path):
    return "\n".join("".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown")


def test_every_notebook_of_the_course_has_a_page(laid):
    expected = {path.relative_to(ROOT).as_posix() for path, _ in notebooks(COURSE)}
    assert {path.relative_to(laid).as_posix() for path in laid_notebooks(laid)} == expected
    for chapter in COURSE.ready:
        assert f"chapters/{chapter.stem}.ipynb" in expected
        assert chapter.exercises is None or f"exercises/{chapter.exercises_stem}.ipynb" in expected


def test_the_table_of_contents_is_that_of_the_course(laid):
    """Parts and chapters in the order of course.toml; below a chapter its exercises, project and appendices."""
    index = (laid / "index.md").read_text(encoding="utf-8")
    main = [chapter for chapter in COURSE.ready if chapter.appendix_to is None]
    assert re.findall(r"^chapters/(\w+)$", index, re.M) == [chapter.stem for chapter in main]
    assert re.findall(r"^:caption: Part \d: (.+)$", index, re.M) == list(dict.fromkeys(c.part for c in main))
    for chapter in COURSE.chapters:
        assert chapter.question in index
    for chapter in main:
        below = re.findall(r"/(?:chapters|exercises)/(\w+)>?$", words(laid / f"chapters/{chapter.stem}.ipynb"), re.M)
        expected = [chapter.exercises_stem] if chapter.exercises else []
        expected += [chapter.project_stem] if chapter.project else []
        assert below == expected + [c.stem for c in COURSE.ready if c.appendix_to == chapter.number]


def test_nothing_is_left_of_kernels_and_of_teachers_marks(laid):
    for path in laid_notebooks(laid):
        text = path.read_text(encoding="utf-8")
        for gone in ("widget-view", "widget-state", "image/png", "BEGIN SOLUTION", "HIDDEN TESTS", "nbgrader"):
            assert gone not in text, f"{path.name} still has {gone}"
        assert "<details>" not in words(path), f"{path.name}: a hint is not folded as the web edition folds"
        if path.parent.name == "exercises":
            assert not any(cell.get("outputs") for cell in cells(path))


def test_every_picture_lies_beside_its_page_and_has_words(laid):
    count = 0
    for path in laid_notebooks(laid):
        for cell in cells(path):
            for output in cell.get("outputs", []):
                text = "".join(output.get("data", {}).get("text/markdown", ""))
                for alt, place in re.findall(r"!\[(.*?)\]\(([^)]+)\)", text):
                    count += 1
                    assert len(alt) > 20 and (path.parent / place).resolve().is_file(), f"{path.name}: {place}"
    assert count > 100


def test_explorers_of_chapter_00_have_all_they_need(laid):
    found = sorted((laid / "_static" / "explorer").glob("*.json"))
    assert len(found) == 2
    for path in found:
        data = json.loads(path.read_text(encoding="utf-8"))
        assert set(data["parameters"]) == {method["label"] for method in data["methods"]}
        bytes_given = [*data["parameters"].values(), *data["noises"], *data["starts"]]
        assert len(data["noises"]) == 4 and all(set(part) == {"base64"} for part in bytes_given)
    for file in ("adaptation.js", "panel.js", "policy_gradient.js", "worlds.js", "adaptation.css"):
        own = (ROOT / "metarl_core" / "widgets" / "static" / file).read_bytes()
        assert (laid / "_static" / "explorer" / file).read_bytes() == own, "the page runs the module of the desk"


def test_every_exercise_shows_what_its_checks_say(laid):
    for chapter in COURSE.ready:
        if chapter.exercises is not None:
            text = words(laid / f"exercises/{chapter.exercises_stem}.ipynb")
            assert text.count("What the check says to") >= 3 and text.count("{folded} Hint 3") >= 3, chapter.stem


def test_numbered_equations_are_places_and_references_lead_to_them(laid):
    places = set()
    for path in laid_notebooks(laid):
        places |= set(re.findall(r"^\((eq-[\w-]+)\)=$", words(path), re.M))
    assert len(places) > 150
    for path in [*laid_notebooks(laid), *laid.glob("*.md")]:
        text = words(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
        references = re.findall(r"\(#(eq-[\w-]+)\)", text)
        assert set(references) <= places, path.name


def test_markdown_becomes_myst():
    equations, pages = {"05.1": "chapters/05_maml.ipynb"}, {"chapters/05_maml.ipynb", "index.md"}

    def made(text):
        return myst(text, "chapters/06_x.ipynb", equations, pages)

    assert (
        made("By (05.1) and (09.9), `(05.1)`, $f(05.1)$.") == "By [(05.1)](#eq-05-1) and (09.9), `(05.1)`, $f(05.1)$."
    )
    assert made("so\n$$a\n= b \\tag{05.1}$$\nhere").split() == [
        "so",
        "(eq-05-1)=",
        "$$a",
        "=",
        "b",
        "\\tag{05.1}$$",
        "here",
    ]
    assert made("[x](05_maml.ipynb) [y](../README.md) [z](../LICENSE)") == "[x](05_maml.ipynb) [y](../index.md) z"
    folded = made("<details><summary>Hint 1: a nudge</summary>\n\nThink of (05.1).\n</details>")
    assert folded.strip() == ":::{folded} Hint 1: a nudge\n\nThink of [(05.1)](#eq-05-1).\n:::"
    assert fold("A", ":::{folded} B\n\nx\n:::").startswith("::::{folded} A")
    assert label("02a.1") == "eq-02a-1"


def test_settings_ask_for_nothing_outside_and_execute_nothing():
    text = (ROOT / "book" / "conf.py").read_text(encoding="utf-8")
    values = {
        node.targets[0].id: node.value.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    assert values["nb_execution_mode"] == "off"
    assert not re.match(r"\w+:|//", values["mathjax_path"])
    for path in [ROOT / "book" / "conf.py", *(ROOT / "book").glob("_*/*"), *(ROOT / "book").glob("*.md")]:
        addresses = re.findall(r"https?://[^\s\"'<>)]+", path.read_text(encoding="utf-8"))
        assert [a for a in addresses if not a.startswith("http://www.w3.org/")] == [], path.name


def test_citation_says_what_the_file_says():
    cff = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    page = citation(cff)
    version = re.search(r"^version: (.+)$", cff, re.M)[1]
    assert f"version {version}" in page and "@software{" in page and "None" not in page
    dated = citation(cff + "date-released: 2031-05-06\n")
    assert "year    = {2031}" in dated


def test_catalogues_are_in_step_with_their_pages(laid):
    known = json.loads((LOCALE / DIGESTS).read_text(encoding="utf-8"))
    assert languages() == sorted(known) and "zh_CN" in known
    for language in languages():
        assert sorted(known[language]) == translated(language)
        for page in translated(language):
            assert known[language][page] == digest(page, laid), (
                f"{page} has changed: `python -m tools.book --catalogue {language}`, translate what has no translation "
                "in book/locale, and run it once more"
            )


def letters(message):
    """What a translator has to translate: words outside of pictures and formulas."""
    plain = re.sub(r"!\[.*\]\(.*\)|\$[^$]*\$|`[^`]*`|\]\([^)]*\)", "", message)
    return "" if re.search(r"\\(?:tag|theta|mathbb)\b", message) and "$" not in message else "".join(
        re.findall(r"[A-Za-z]{3,}", plain)
    )  # fmt: skip


@pytest.mark.parametrize("page", ["chapters/00_start_here", "glossary", "index"])
def test_the_chinese_pages_are_translated_whole(page):
    path = LOCALE / "zh_CN" / "LC_MESSAGES" / f"{page}.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale="zh_CN")
    messages = [message for message in catalogue if message.id]
    assert len(messages) > 50
    assert [m.id for m in messages if m.fuzzy or (letters(m.id) and not m.string)] == []
    for message in messages:
        if message.string:
            links = [sorted(re.findall(r"\]\(([^)]+)\)", text)) for text in (message.id, message.string)]
            assert links[0] == links[1], f"a link differs: {message.id[:60]}"
            code = [sorted(re.findall(r"`[^`]+`", text)) for text in (message.id, message.string)]
            assert code[0] == code[1], f"code differs: {message.id[:60]}"
