"""Exercises are those of their source, have the form that learners know, and say "not done yet" until they are."""

import ast
import functools

import nbformat
import pytest
from solved import run_cell, run_cells

from tools.course import ROOT
from tools.exercises import blocks, check_calls, exercise_file, generate, is_solution, problems
from tools.pairs import notebook_text, read_source, sources

SOURCES = [py for py in sources() if py.parent.name in ("solutions", "projects")]


def stem(py):
    return py.stem


@functools.cache
def generated(py):
    return generate(py)


def stubs():
    for py in SOURCES:
        for exercise in blocks(read_source(py)):
            for n, (position, _) in enumerate(exercise.stubs, 1):
                yield pytest.param(py, exercise.number, position, id=f"{py.stem}-{exercise.number}-stub{n}")


@pytest.mark.parametrize("py", SOURCES, ids=stem)
def test_exercise_is_generated_from_its_solution(py):
    path = exercise_file(py)
    assert path.exists() and path.read_text(encoding="utf-8") == notebook_text(generated(py)), "run `make exercises`"


@pytest.mark.parametrize("py", SOURCES, ids=stem)
def test_a_class_can_be_defined_while_its_methods_are_not_written(py):
    for cell in generated(py).cells:
        if is_solution(cell):
            for part in ast.walk(ast.parse(cell.source)):
                assert not (isinstance(part, ast.ClassDef) and any(isinstance(line, ast.Raise) for line in part.body))


def test_there_is_no_exercise_without_a_source():
    assert set((ROOT / "exercises").glob("[0-9]*.ipynb")) <= {exercise_file(py) for py in SOURCES}


@pytest.mark.parametrize("py", SOURCES, ids=stem)
def test_exercises_have_their_parts(py):
    assert problems(read_source(py)) == []


@pytest.mark.parametrize("py", SOURCES, ids=stem)
def test_learners_notebook_holds_no_solution(py):
    nbformat.validate(generated(py))
    for cell in generated(py).cells:
        for mark in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS"):
            assert mark not in cell.source
        assert not is_solution(cell) or "# YOUR CODE HERE" in cell.source


@pytest.mark.in_turn(4)
@pytest.mark.parametrize(("py", "number", "position"), list(stubs()))
def test_stub_alone_is_not_done(py, number, position):
    """With every other solution filled in, the checks of the exercise raise NotImplementedError, and nothing else.

    So may the cells before them: in a project a stub stands in a cell that runs at once.
    """
    notebook = read_source(py)
    (exercise,) = [e for e in blocks(notebook) if e.number == number]
    own = [cell for cell in generated(py).cells if is_solution(cell)]
    order = [i for i, cell in enumerate(notebook.cells) if is_solution(cell)]
    stub = own[order.index(position)].source
    cells = [(i, c) for i, c in enumerate(notebook.cells) if i <= exercise.cells[-1][0]]
    namespace, outcomes = {"__name__": "__main__"}, []
    try:
        run_cells(cells, py.stem, namespace, instead={position: stub})
    except NotImplementedError:
        return
    for i, cell in exercise.checks:
        try:
            run_cell(cell.source, f"{py.stem}, cell {i + 1}", namespace)
        except Exception as error:  # which one is what is judged
            outcomes.append((check_calls(cell.source), type(error), str(error)))
    assert outcomes, "the checks accept the unfilled stub"
    wrong = [outcome for outcome in outcomes if not issubclass(outcome[1], NotImplementedError)]
    assert not wrong, f"expected NotImplementedError, got {wrong}"
