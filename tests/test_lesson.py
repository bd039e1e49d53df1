"""Minutes and plumbing are counted as a reader would."""

import nbformat
import pytest

from tools.course import ROOT, read
from tools.lesson import PLUMBING, code_lines, formulas, lesson, plumbing_lines, words

LESSONS: tuple[str, ...] = (
    "00", "01", "01a", "02", "02a", "02b", "03", "03a", "04", "04a", "04b", "05", "05a", "05b", "06", "06a", "06b",
    "07", "07a", "08", "08a", "08b", "09", "09a", "09b", "10", "10a", "10b", "11", "11a", "12", "13", "14", "16",
    "17", "17a", "17b", "17c",
)  # fmt: skip
"""chapters in the form of a lesson: honest minutes, at most one session of a class, little plumbing in sight"""
SESSION = 90


@pytest.mark.parametrize("number", LESSONS)
def test_a_chapter_keeps_to_the_form_of_a_lesson(number):
    chapter = read()[number]
    found = lesson(nbformat.read(ROOT / "chapters" / f"{chapter.stem}.ipynb", as_version=4), chapter.stem)
    assert found.minutes <= chapter.reading_minutes <= SESSION, str(found)
    assert found.share <= PLUMBING and not found.long_cells, str(found)


@pytest.mark.parametrize(
    ("markdown", "count"),
    [
        ("One gradient step.", 3),
        ("The slope $\\nabla L$ and $x_1, x_2$ of it", 7),
        ("See [chapter 05](05_maml.ipynb) now", 3),
        ("$$a = b$$\n\nthen", 2),
        ("```\nno words here\n```\nafter", 2),
        ("Adam's well-known rule", 3),
    ],
)
def test_words(markdown, count):
    assert words(markdown) == count


def test_formulas():
    assert formulas("$$a$$ and $b$ and $$\nc\n$$") == 2


CODE = '''"""A docstring."""
# a comment

def step(theta):
    """Another."""
    return theta - 0.1 * theta

for goal in goals:
    plt.plot(goal)
    axis.legend()
for goal in goals:
    theta = step(theta)
    print(theta)
assert theta > 0
say("done")
claim("It works.", theta > 0)
figures.adaptation(theta)
'''


def test_lines_that_hold_code():
    assert len(code_lines(CODE)) == 12


def test_lines_that_plot_print_or_assert():
    assert plumbing_lines(CODE) == {8, 9, 10, 13, 14, 15, 16, 17}


def test_a_lesson():
    picture = nbformat.v4.new_output("display_data", data={"image/png": "x"})
    cells = [
        nbformat.v4.new_markdown_cell("word " * 300 + "$$x$$"),
        nbformat.v4.new_code_cell("x = 1\n" * 26, outputs=[picture]),
        nbformat.v4.new_code_cell("y = 1\n" * 100, metadata={"tags": ["hide-input"]}),
        nbformat.v4.new_code_cell("%matplotlib inline\nprint(x)"),
    ]
    found = lesson(nbformat.v4.new_notebook(cells=cells), "x")
    assert (found.words, found.formulas, found.lines, found.figures, found.plumbing) == (301, 1, 28, 1, 1)
    assert found.minutes == pytest.approx(301 / 150 + 1.5 + 28 / 8 + 2) and found.long_cells == [2]
    assert "x: 9 min" in str(found)
