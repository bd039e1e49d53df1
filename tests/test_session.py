"""A cell that is run too early says which cell to run first."""

import json

import pytest

from metarl_core.session import begin
from metarl_core.session.names import advice, names_changed, names_made, names_needed, notebook_cells, place

CELLS = [
    "%matplotlib inline\nimport torch\nimport os.path as place",
    "for i in range(3):\n    theta = i",
    "print(theta)",
]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a = b = 1; c, (d, *e) = 1, (2, 3)", "abcde"),
        ("def f(x):\n    y = x", "f"),
        ("class A:\n    b = 1", "A"),
        ("import numpy as np, os.path\nfrom torch import nn", ["np", "os", "nn"]),
        ("with open(p) as q:\n    r = 1\nif (s := 2):\n    t: int = 3", "qrst"),
        ("a += 1\nfor i in x:\n    pass", "ai"),
        ("x[0] = 1\ny.z = 2\nw = [v for v in u]", "w"),
        ("%time a = 1\nb = 2", "b"),
        ("not python at all", ""),
    ],
)
def test_names_that_a_cell_makes(code, names):
    assert names_made(code) == set(names)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a = b\nc = a", "b"),
        ("b = 1\nfor i in b:\n    c = i + d\nprint(c)", ["d", "print"]),
        ("x = x + 1", "x"),
        ("x += 1", "x"),
        ("def f(x, *, k=m):\n    y = x + g\n    return [v for v in y]\nf(1)", "mg"),
        ("w = [v + t for v in u]", "tu"),
        ("try:\n    a = 1\nexcept E:\n    b = c\nwith p as q:\n    r = q", "Ecp"),
        ("x[i] = y\nz.w = v", "xiyzv"),
        ("f = lambda s: s + t", "t"),
    ],
)
def test_names_that_a_cell_needs(code, names):
    assert names_needed(code) == set(names)


def test_names_that_a_cell_changes():
    assert names_changed("a[0] = 1\nb.c.d = 2\nfor i in x:\n    e[i].append(f)\ng = h.mean()") == {"a", "b", "e"}


def test_a_cell_is_named_by_how_it_begins():
    assert place("print(theta)\n", CELLS) == "the cell that begins with `print(theta)`"
    assert place("\nprint(1)\n2", CELLS) == "the cell that begins with `print(1)`"
    alike = ["a = 1\nb = 2", "c = 1", "\na = 1\nd = 2"]
    assert place(alike[0], alike) == "the cell that begins with `a = 1`"
    assert place(alike[2], alike) == "the cell that begins with `a = 1`, number 2 of those that do"


def test_the_first_cell_that_makes_a_name_is_told():
    words = advice("theta", CELLS)
    assert words.startswith("`theta` is made in the cell that begins with `for i in range(3):`.")
    assert "begins with `%matplotlib inline`" in advice("place", CELLS)
    assert advice("thetta", CELLS) == advice("", CELLS) == advice("theta", []) == ""


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"cells": 3}'])
def test_a_notebook_that_cannot_be_read_gives_no_advice(text, tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert notebook_cells() == []


def test_in_a_kernel_a_name_error_names_the_cell(tmp_path, monkeypatch, capsys):
    from IPython.core.interactiveshell import InteractiveShell

    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": [c]} for c in CELLS]}))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.colors = "nocolor"
    try:
        begin()
        begin()
        result = shell.run_cell("print(theta)")
        assert isinstance(result.error_in_exec, NameError)
        shown = capsys.readouterr().out
        assert (
            "name 'theta' is not defined" in shown
            and "the cell that begins with `for" in shown
            and "Traceback" not in shown
        )
        shell.run_cell("print(thetta)")
        shown = capsys.readouterr().out
        assert "name 'thetta' is not defined" in shown and "the cell that begins" not in shown
        shell.run_cell("kept = [1]\nraise KeyboardInterrupt")
        capsys.readouterr()
        shell.run_cell("kept[5]")
        shown = capsys.readouterr().out
        assert "list index out of range" in shown and "in the cell that begins with `kept = [1]`" in shown
        assert "Traceback" not in shown and shown.count("interrupted") == 1
        shell.run_cell("whole = [1]\nwhole[5]")
        shown = capsys.readouterr().out
        assert "Traceback" in shown and "interrupted" not in shown, "a learner's own error"
    finally:
        InteractiveShell.clear_instance()
