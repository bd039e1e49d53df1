"""Every .py and its .ipynb are the same notebook, executed from top to bottom, and fit for a reader of the web page."""

import json
import re

import jupytext
import nbformat
import pytest

from tools.course import ROOT, header, read
from tools.notebooks import pictures, write_pictures
from tools.pairs import read_source, source_text, sources, stale

SOURCES = sources()
CHAPTERS = [py for py in SOURCES if py.parent.name == "chapters"]
VIEW = "application/vnd.jupyter.widget-view+json"
MACHINE = re.compile(r"/(?:root|home/\w+|Users/\w+|private|var/folders|tmp)/|\b[A-Z]:\\|site-packages|ipykernel_\d+")


def name(py):
    return f"{py.parent.name}/{py.stem}"


def notebook(py):
    return nbformat.read(py.with_suffix(".ipynb"), as_version=4)


def essence(nb):
    return [
        (cell.cell_type, cell.source, cell.metadata.get("tags", []), cell.metadata.get("nbgrader", {}))
        for cell in nb.cells
    ]


def test_every_notebook_has_a_source_and_a_place_in_the_course():
    chapters = read().chapters
    projects = {c.project_stem for c in chapters if c.project is not None}
    lessons, sets = {c.stem for c in chapters}, {c.exercises_stem for c in chapters} | projects
    known = {"chapters": lessons, "solutions": lessons, "projects": projects, "exercises": sets}
    for folder, stems in known.items():
        found = {p.stem for p in (ROOT / folder).glob("[0-9]*.ipynb")}
        assert found <= stems, f"{folder}/ has notebooks that course.toml does not know"
        if folder != "exercises":
            assert found == {p.stem for p in (ROOT / folder).glob("[0-9]*.py")}, (
                f"{folder}/: a .py or .ipynb lacks its twin"
            )


@pytest.mark.parametrize("py", SOURCES, ids=name)
def test_pair_has_the_same_content(py):
    # Against the text itself and not only read_source, which would also complete what the .py lacks.
    assert essence(jupytext.read(py)) == essence(notebook(py)), "run `make notebooks`"


@pytest.mark.parametrize("py", SOURCES, ids=name)
def test_source_is_in_the_form_that_lab_saves(py):
    assert py.read_text(encoding="utf-8") == source_text(read_source(py)), "run `make notebooks`"


@pytest.mark.parametrize("py", SOURCES, ids=name)
def test_outputs_come_from_this_code(py):
    assert stale(notebook(py)) is None, "run `make notebooks`"


@pytest.mark.parametrize("py", CHAPTERS, ids=name)
def test_header_is_that_of_the_course_table(py):
    (chapter,) = [c for c in read().chapters if c.stem == py.stem]
    assert notebook(py).cells[0].source == header(chapter), "run `make notebooks`"


@pytest.mark.parametrize("py", CHAPTERS, ids=name)
def test_figures_have_words_for_those_who_cannot_see_them(py):
    for number, cell in enumerate(notebook(py).cells, 1):
        for output in cell.get("outputs", []):
            for mime in ("image/png", "image/gif"):
                if mime in output.get("data", {}):
                    alt = output.metadata.get(mime, {}).get("alt", "")
                    assert alt.strip(), f"cell {number} shows a figure without alt text"


@pytest.mark.parametrize("py", CHAPTERS, ids=name)
def test_explorers_have_a_picture_for_the_web_page(py):
    for number, cell in enumerate(notebook(py).cells, 1):
        data = [output.get("data", {}) for output in cell.get("outputs", [])]
        explorers = [d for d in data if VIEW in d and "%|" not in d.get("text/plain", "")]  # not progress bars
        still = any("image/png" in d or "text/markdown" in d for d in data)
        assert not explorers or still, f"cell {number}: a widget without a static picture or text"


@pytest.mark.parametrize("py", SOURCES, ids=name)
def test_notebook_travels_well(py):
    path, nb = py.with_suffix(".ipynb"), notebook(py)
    assert path.stat().st_size < 5_000_000
    assert nb.metadata.kernelspec.name == "python3"
    assert all(cell.get("id") for cell in nb.cells)
    for number, cell in enumerate(nb.cells, 1):
        assert "execution" not in cell.metadata, f"cell {number} holds the time of its execution"
        for output in cell.get("outputs", []):
            for mime in [m for m in output.get("data", {}) if m.startswith("image/")]:
                del output["data"][mime]
        found = MACHINE.search(json.dumps(cell, ensure_ascii=False))
        assert not found, f"cell {number} names a path of the machine it ran on: {found[0]}"


def test_pictures_are_those_of_the_notebooks():
    """README shows chapters/images; each file there is the figure of a cell tagged `picture-NAME`."""
    images, shown = ROOT / "chapters" / "images", {}
    for py in CHAPTERS:
        shown |= pictures(notebook(py))
    assert {path.stem for path in images.glob("*")} == set(shown)
    for name_, picture in shown.items():
        assert (images / f"{name_}.png").read_bytes() == picture, "run `make notebooks`"
    for target in re.findall(r"!\[[^]]*\]\((?!https?:)([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), f"README shows {target}, which is not there"


def test_a_picture_is_written_when_it_changed(tmp_path):
    def cell(*figures, tag="picture-toy"):
        data = [nbformat.v4.new_output("display_data", data={"image/png": figure}) for figure in figures]
        return nbformat.v4.new_code_cell("show()", metadata={"tags": [tag]}, outputs=data)

    one = nbformat.v4.new_notebook(cells=[cell("b25l"), cell("dHdv", tag="setup")])
    assert pictures(one) == {"toy": b"one"}
    path = tmp_path / "images" / "toy.png"
    write_pictures(one, tmp_path)
    assert path.read_bytes() == b"one"
    before = path.stat().st_mtime_ns
    write_pictures(one, tmp_path)
    assert path.stat().st_mtime_ns == before
    write_pictures(nbformat.v4.new_notebook(cells=[cell("dHdv")]), tmp_path)
    assert path.read_bytes() == b"two"
    for figures in ((), ("b25l", "dHdv")):
        with pytest.raises(ValueError, match="must show one figure"):
            pictures(nbformat.v4.new_notebook(cells=[cell(*figures)]))
