"""Submissions as they come in: a solved notebook, and what editors, platforms and hurried people make of it."""

import copy
import json

import nbformat

from tools.exercises import is_solution


def solved(source):
    """The notebook as a student hands it in: the solutions' cells without the marks and the hidden tests."""
    notebook = copy.deepcopy(source)
    for cell in notebook.cells:
        for begin, end in (
            ("### BEGIN SOLUTION", "### END SOLUTION"),
            ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"),
        ):
            while begin in cell.source:
                head, _, rest = cell.source.partition(begin)
                inside, _, tail = rest.partition(end)
                kept = "" if "HIDDEN" in begin else inside.lstrip("\n").rstrip(" ")
                cell.source = head.rstrip(" ") + kept + tail.lstrip("\n")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def text(notebook):
    """As JSON, whatever is wrong with it."""
    return json.dumps(notebook, indent=1)


def position(notebook, grade_id):
    return next(i for i, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def _without_marks(notebook):
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
    return notebook


def copied(notebook):
    """The answer's cell, its metadata with it, once more; in the first copy is a first try."""
    at = position(notebook, "maml_gradient")
    first = copy.deepcopy(notebook.cells[at])
    first.source = "def maml_gradient(theta, tasks, alpha, steps):\n    return theta  # a first try"
    notebook.cells.insert(at, first)
    return text(notebook)


def copy_left_as_stub(notebook, released):
    at = position(notebook, "maml_gradient")
    stub = copy.deepcopy(released.cells[position(released, "maml_gradient")])
    notebook.cells.insert(at + 1, stub)
    return text(notebook)


def split_in_the_function(notebook):
    at = position(notebook, "maml_gradient")
    cell = notebook.cells[at]
    lines = cell.source.split("\n")
    second = copy.deepcopy(cell)
    second.source, cell.source = "\n".join(lines[10:]), "\n".join(lines[:10])
    second.metadata = {}
    notebook.cells.insert(at + 1, second)
    return text(notebook)


def split_between_definitions(notebook):
    """A helper in a cell of its own, an import in another."""
    at = position(notebook, "maml_gradient")
    cell = notebook.cells[at]
    cell.source = cell.source.replace("torch.stack(outer).mean()", "average(outer)").replace(
        "range(steps)", "it.repeat(0, steps)"
    )
    helper = nbformat.v4.new_code_cell("def average(values):\n    return torch.stack(values).mean()")
    notebook.cells.insert(at + 1, helper)
    notebook.cells.insert(1, nbformat.v4.new_code_cell("import itertools as it\n%matplotlib inline\n!pip list"))
    return text(notebook)


def merged(notebook):
    """An answer and the cell that checks it, in one."""
    at = position(notebook, "maml_gradient")
    notebook.cells[at].source += "\n\n" + notebook.cells[at + 1].source
    del notebook.cells[at + 1]
    return text(notebook)


def reordered(notebook):
    notebook.cells = notebook.cells[::-1]
    return text(notebook)


def checks_deleted(notebook):
    notebook.cells = [c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")]
    return text(notebook)


def answers_only(notebook):
    notebook.cells = [c for c in notebook.cells if is_solution(c)]
    return text(notebook)


def checks_changed(notebook):
    """Unlocked, and made to pass."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.source, cell.metadata.nbgrader.locked = "print('Passed')", False
    return text(notebook)


def ids_changed(notebook):
    for number, cell in enumerate(notebook.cells):
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.grade_id = f"cell-{number}"
    return text(notebook)


def desk_edition(notebook):
    """Without nbgrader's metadata."""
    return text(_without_marks(notebook))


def from_colab(notebook):
    data = json.loads(text(_without_marks(notebook)))
    data["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    for number, cell in enumerate(data["cells"]):
        cell["metadata"] = {"id": f"c{number}"}
        cell.pop("id", None)
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
    return json.dumps({**data, "nbformat": 4, "nbformat_minor": 0})


def from_vscode(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["vscode"] = {"languageId": "python"}
    notebook.metadata = {
        "language_info": {"name": "python"},
        "kernelspec": {"name": "my-env", "display_name": "my-env"},
    }
    return text(notebook)


def other_kernel(notebook):
    notebook.metadata["kernelspec"] = {"name": "julia-1.10", "display_name": "Julia", "language": "julia"}
    return text(notebook)


def windows_line_ends(notebook):
    data = json.loads(text(notebook))
    for cell in data["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    return json.dumps(data, indent=1).replace("\n", "\r\n")


def byte_order_mark(notebook):
    return "\ufeff" + text(notebook)


def third_format(notebook):
    cells = [
        {"cell_type": "code", "language": "python", "input": c.source, "outputs": [], "metadata": {}}
        for c in notebook.cells
        if c.cell_type == "code"
    ]
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]})


def magics(notebook):
    for cell in notebook.cells:
        if is_solution(cell):
            cell.source = "%%time\n" + cell.source
    return text(notebook)


def answer_as_raw_cell(notebook):
    cell = notebook.cells[position(notebook, "maml_gradient")]
    cell["cell_type"] = "raw"
    cell.pop("outputs", None), cell.pop("execution_count", None)
    return text(notebook)


def as_a_script(notebook):
    return "\n".join(f"# %%\n{c.source}\n" for c in notebook.cells if c.cell_type == "code")


RIGHT = {
    f.__name__: f
    for f in (
        copied, split_in_the_function, split_between_definitions, merged, reordered, checks_deleted, answers_only,
        checks_changed, ids_changed, desk_edition, from_colab, from_vscode, other_kernel, windows_line_ends,
        byte_order_mark, third_format, magics, answer_as_raw_cell, as_a_script,
    )
}  # fmt: skip
"""What has to be graded as the solved notebook is."""


def broken(notebook):
    """Name -> (bytes that are no notebook, a piece of the sentence that says so)."""
    whole = text(notebook)
    return {
        "empty": (b"", "is empty"),
        "of nothing": (b"\0" * 1000, "is no notebook"),
        "not JSON": (b"{ this is", "no cell of it can be read"),
        "no cells": (b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "has no cells"),
        "a list": (b"[1, 2]", "is no notebook"),
        "cells of nonsense": (b'{"cells": [1, "a", {"source": 3}, null], "nbformat": 4}', "has no cells"),
        "a web page": (b"<!DOCTYPE html><html>", "is a web page"),
        "a PDF": (b"%PDF-1.7", "is a PDF"),
        "a zip": (b"PK\x03\x04", "is an archive"),
        "in conflict": (("<<<<<<< HEAD\n" + whole + "\n=======\n" + whole + "\n>>>>>>> b").encode(), "merge conflict"),
        "another chapter": (_of_another_chapter(whole).encode(), "has no answer to"),
        "deep": (b'{"cells": ' + b"[" * 100_000, "no cell of it can be read"),
    }  # fmt: skip


def _of_another_chapter(whole):
    for number, name in enumerate(
        ("quadratic_meta_gradient", "maml_gradient", "meta_loss", "meta_optimum", "second_order")
    ):
        whole = whole.replace(name, f"another_{number}")
    return whole
