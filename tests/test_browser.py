"""What a learner does first: open a chapter in JupyterLab, run it, drag the goal by key and mouse, see it answer."""

import os

import nbformat
import pytest
from lab_browser import find_chromium, lab, wait
from test_widgets import EXPLORERS

from tools import desk
from tools.course import ROOT
from tools.pairs import KERNELSPEC

FIRST = ROOT / "chapters" / "00_start_here.ipynb"
TOY = """
import io
import ipywidgets as widgets, matplotlib.pyplot as plt
image, slider = widgets.Image(format="png"), widgets.FloatSlider(1.0, min=0, max=3, description="height")
def update(_=None):
    figure, axes = plt.subplots(figsize=(4, 3))
    axes.plot([0, slider.value]); axes.set_ylim(0, 3)
    buffer = io.BytesIO(); figure.savefig(buffer, format="png"); plt.close(figure)
    image.value = buffer.getvalue()
slider.observe(update, "value"); update()
widgets.VBox([slider, image])
"""


@pytest.fixture(scope="module", autouse=True)
def chromium():
    """Without a browser these tests say so; where everything is to be proven (CI) its absence is a failure."""
    if find_chromium() is None:
        words = "no Chromium here: install one (Debian: apt-get install chromium) or name it in METARL_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)


def explore(notebook):
    with lab(notebook) as opened:
        opened.run_all(timeout=3600)
        handle = opened.find(".noUi-handle").first
        by_keys, by_mouse = opened.move_by_keys(handle), opened.move_by_mouse(handle)
    assert by_keys, "the figure did not follow the arrow keys"
    assert by_mouse, "the figure did not follow the mouse"
    assert opened.outside == [], "the page asked for something outside of this machine"
    assert opened.errors == []


def drag_goal(notebook):
    """Move the goal of the first explorer by key and by mouse, inside JupyterLab, whose own shortcuts stay silent."""
    with lab(notebook) as opened:
        opened.run_all(timeout=3600)
        star = opened.find(".metarl-adaptation .star[role=slider]").first
        area = star.locator("xpath=ancestor::section")
        returns = area.locator(".returns")
        assert wait(lambda: all("→" in words for words in returns.all_inner_texts()), 60)
        before = returns.all_inner_texts()
        star.focus()
        for key in ("ArrowUp", "ArrowLeft"):
            opened.page.keyboard.press(key)
        assert star.get_attribute("aria-valuetext") == "x 0.25, y 0.30", "the goal did not follow the arrow keys"
        assert wait(lambda: returns.all_inner_texts() != before, 60)
        before = returns.all_inner_texts()
        area.scroll_into_view_if_needed()
        grip, square = star.bounding_box(), area.locator(".square").first.bounding_box()
        opened.page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
        opened.page.mouse.down()
        opened.page.mouse.move(square["x"] + square["width"] / 2, square["y"] + square["height"] / 2, steps=6)
        opened.page.mouse.up()
        assert wait(lambda: star.get_attribute("aria-valuetext").replace("−", "") == "x 0.00, y 0.00", 60)
        assert wait(lambda: returns.all_inner_texts() != before, 60)
    assert opened.outside == [], "the page asked for something outside of this machine"
    assert opened.errors == []


@pytest.mark.in_turn(4)
def test_first_chapter_answers():
    drag_goal(FIRST)


@pytest.mark.in_turn(4)
def test_other_explorers_answer(tmp_path):
    """One of them, in JupyterLab: that of chapter 02."""
    cells = [nbformat.v4.new_code_cell("from metarl_core.widgets import task_explorer\ntask_explorer()")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC}), tmp_path / "one.ipynb")
    explore(tmp_path / "one.ipynb")


CONTROLS = """area => [
    ...Array.from(area.querySelectorAll(".noUi-handle"), e =>
        [e.getAttribute("aria-label"), e.getAttribute("aria-valuetext"), e.tabIndex]),
    ...Array.from(area.querySelectorAll("select, input[type=checkbox]"), e =>
        [Array.from(e.labels, label => label.textContent).join(), "-", e.tabIndex]),
    ...Array.from(area.querySelectorAll("img"), e => [e.alt, "-", 0]),
]"""


@pytest.mark.in_turn(4)
def test_all_explorers_can_be_heard_and_moved_by_keys(tmp_path):
    """In JupyterLab: each picture has its words, each control a name and a value, each slider follows the keys."""
    code = [f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\nfrom test_widgets import EXPLORERS"]
    code += [f"EXPLORERS[{number}]()" for number in range(len(EXPLORERS))]
    cells = [nbformat.v4.new_code_cell(one) for one in code]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC}), tmp_path / "all.ipynb")
    met, moved = set(), 0
    with lab(tmp_path / "all.ipynb") as opened:
        opened.run_all(timeout=3600)
        for _ in opened.scroll():
            for area in opened.page.locator(".jp-Notebook .metarl-explorer").all():
                said = area.evaluate(CONTROLS)
                if str(said) in met:
                    continue
                wait(lambda area=area: all(name for name, _, _ in area.evaluate(CONTROLS)), 60)
                said = area.evaluate(CONTROLS)
                assert len(said) > 1 and all(name and value and index == 0 for name, value, index in said), said
                for handle in area.locator(".noUi-handle").all():
                    before = handle.get_attribute("aria-valuetext")
                    handle.focus()
                    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft"):
                        opened.page.keyboard.press(key)
                        if wait(lambda h=handle, was=before: h.get_attribute("aria-valuetext") != was, 20):
                            moved += 1
                            break
                    else:
                        raise AssertionError(f"{handle.get_attribute('aria-label')} stands still at {before}")
                met |= {str(said), str(area.evaluate(CONTROLS))}
    assert len({words.split("'-', 0]]")[0] for words in met}) >= len(EXPLORERS) and moved > len(EXPLORERS)
    assert opened.outside == [] and opened.errors == []


FIGURES = """
from metarl_core import plotting
drawn, axes = plotting.figure(width=3, height=2)
(line,) = axes.plot([0, 1])
plotting.show(drawn, "A rising line.")
plotting.show_animation(drawn, lambda frame: line.set_ydata([0, frame]), 3, "A line that turns.")
"""


@pytest.mark.in_turn(4)
def test_a_desk_without_alarms_and_without_a_teachers_menu_where_figures_have_words(tmp_path, monkeypatch):
    """As `make lab` sets it up (tools/lab_settings.py), also where `make test` has brought nbgrader."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    cells = [nbformat.v4.new_code_cell(FIGURES)]
    (tmp_path / "course" / "chapters").mkdir(parents=True)
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    nbformat.write(made, tmp_path / "course" / "chapters" / "00_a.ipynb")
    desk.lay(tmp_path / "work", tmp_path / "course")
    with lab(tmp_path / "work" / "chapters" / "00_a.ipynb") as opened:
        opened.run_all(timeout=600)
        menus = opened.page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
        assert "Run" in menus and "Nbgrader" not in menus
        assert opened.page.locator("[title*='not trusted' i]").count() == 0
        assert opened.page.locator("[title*='trusted' i]").count() == 1
        assert "without encryption" not in opened.log.read_text()
        pictures = opened.page.locator(".jp-Notebook .jp-OutputArea img")
        assert wait(lambda: pictures.count() == 2, 60)
        assert [picture.get_attribute("alt") for picture in pictures.all()] == ["A rising line.", "A line that turns."]


def test_this_test_sees_a_slider_and_an_error(tmp_path):
    """The driver itself: content with a toy explorer; not content with a cell that fails."""
    cells = [nbformat.v4.new_markdown_cell("# Toy"), nbformat.v4.new_code_cell(TOY)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC}), tmp_path / "toy.ipynb")
    explore(tmp_path / "toy.ipynb")
    cells[1] = nbformat.v4.new_code_cell("1 / 0")
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC}), tmp_path / "bad.ipynb")
    with lab(tmp_path / "bad.ipynb") as opened, pytest.raises(RuntimeError, match="ZeroDivisionError"):
        opened.run_all(timeout=600)
