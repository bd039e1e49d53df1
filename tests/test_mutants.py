"""Every check accepts the course's solution and rejects each wrong answer with the message made for it.

Of the wrong answers `make test` tries one in SHARE, and `make attacks` all; reports, which take longest to judge, have
their turns, too.
"""

import importlib
import pkgutil
import re
from collections import ChainMap
from pathlib import Path

import numpy as np
import pytest
import torch
from samples import chosen
from solved import answers

import metarl_core.check
from metarl_core.check import Check, CheckFailed
from metarl_core.check.copies import clone
from tools.pairs import sources

CHAPTERS = sorted(m.name for m in pkgutil.iter_modules(metarl_core.check.__path__) if re.fullmatch(r"ch\d\d", m.name))
# A check belongs to an exercise or a project, or to a warm-up inside a chapter that has no exercises.
SOURCES = {f"ch{py.stem[:2]}": [py] for py in sources() if py.stem[2] == "_"}  # chapters/ come first, so solutions/ win
for _project in (py for py in sources() if py.parent.name == "projects"):
    SOURCES[f"ch{_project.stem[:2]}"].append(_project)


def checks(chapter):
    module = importlib.import_module(f"metarl_core.check.{chapter}")
    return {name: value for name, value in vars(module).items() if isinstance(value, Check)}


def mutants(chapter):
    if not (Path(__file__).parent / "mutants" / f"{chapter}.py").exists():
        return []
    return importlib.import_module(f"mutants.{chapter}").MUTANTS


ALL = [pytest.param(ch, name, check, id=f"{ch}.{name}") for ch in CHAPTERS for name, check in checks(ch).items()]
FUNCTIONS = [p for p in ALL if p.values[2].kind == "function"]
SHARE = {"function": 12, "value": 12, "design": 40}
MUTANTS = [
    pytest.param(m, id=f"{ch}.{m.check.name}-{m.misconception}-{n}")
    for ch in CHAPTERS
    for n, m in enumerate(mutants(ch))
    if chosen(n, SHARE[m.check.kind])
]
QUICK = [p for p in ALL if p.values[2].kind != "design"]
# That solutions' reports pass is also known from the outputs of their notebooks, which are of today's code.
REPORTS = [pytest.param(*p.values, id=p.id, marks=pytest.mark.in_turn(8)) for p in ALL if p not in QUICK]


def solution(chapter, name):
    return all_answers(chapter)[name]


def all_answers(chapter):
    """What exercises and projects of a chapter give to each check."""
    return ChainMap(*(answers(py) for py in SOURCES[chapter]))


def rejection(check, answer):
    """The error that the check raises; it must be readable."""
    with pytest.raises(CheckFailed) as caught:
        check(answer)
    message = str(caught.value)
    assert message.strip() and "Traceback" not in message and "metarl_core/check" not in message
    assert caught.value.__context__ is None, "a traceback from inside the check would be shown"
    return caught.value


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_check_is_used_by_an_exercise_and_every_mutant_is_of_its_chapter(chapter):
    assert chapter in SOURCES, f"there is no chapters/{chapter[2:]}_*.py"
    assert set(checks(chapter)) == set(all_answers(chapter))
    for mutant in mutants(chapter):
        assert any(mutant.check is check for check in checks(chapter).values())


def test_every_module_of_mutants_has_checks():
    found = {p.stem for p in (Path(__file__).parent / "mutants").glob("ch*.py")}
    assert found <= set(CHAPTERS)


@pytest.mark.parametrize(("chapter", "name", "check"), QUICK + REPORTS)
def test_solution_passes_again_and_again(chapter, name, check, capsys, monkeypatch):
    monkeypatch.setenv("METARL_CHECK_SECONDS", "300")  # it ends, on a slow machine too
    for _ in range(2):
        check(solution(chapter, name))
        assert re.fullmatch(r"Passed: .+\n", capsys.readouterr().out)


@pytest.mark.parametrize(("chapter", "name", "check"), ALL)
def test_every_misconception_has_a_mutant(chapter, name, check):
    tried = {m.misconception for m in mutants(chapter) if m.check is check}
    assert {w.id for w in check.wrongs} <= tried, f"without a mutant: {sorted({w.id for w in check.wrongs} - tried)}"


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutant_is_rejected_with_its_message(mutant):
    (wrong,) = [w for w in mutant.check.wrongs if w.id == mutant.misconception]
    error = rejection(mutant.check, mutant.answer)
    assert error.misconception == mutant.misconception, f"the message was: {error}"
    assert str(error).startswith(wrong.message)


@pytest.mark.parametrize(("chapter", "name", "check"), ALL)
def test_wrong_type_is_rejected(chapter, name, check):
    for unfilled in (None, ...):
        with pytest.raises(NotImplementedError, match="Not done yet"):
            check(unfilled)
    assert rejection(check, object()).kind == "type"


@pytest.mark.parametrize(("chapter", "name", "check"), FUNCTIONS)
def test_exception_in_the_answer_is_reported_with_its_line(chapter, name, check):
    def answer(*args, **kwargs):
        raise ValueError("the dog ate it")  # the line that is quoted

    error = rejection(check, answer)
    assert error.kind == "exception" and "ValueError: the dog ate it" in str(error)
    assert 'raise ValueError("the dog ate it")  # the line that is quoted' in str(error)


@pytest.mark.parametrize(("chapter", "name", "check"), FUNCTIONS)
@pytest.mark.parametrize("returned", [None, "forty-two"])
def test_result_of_a_wrong_type_is_rejected(chapter, name, check, returned):
    assert rejection(check, lambda *args, **kwargs: returned).kind in ("type", "exception")


def _key(value):
    """All of an argument but the numbers in its tensors."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return tuple(value.shape), str(value.dtype)
    if isinstance(value, (list, tuple)):
        return tuple(map(_key, value))
    if isinstance(value, dict):
        return tuple((key, _key(part)) for key, part in value.items())
    return value if isinstance(value, (bool, int, float, str, type(None))) else type(value).__name__


def _constant(value):
    """Whether an argument is made of constants alone."""
    if isinstance(value, (list, tuple, dict)):
        return all(map(_constant, value.values() if isinstance(value, dict) else value))
    return isinstance(value, (bool, int, float, str, type(None)))


@pytest.mark.parametrize(("chapter", "name", "check"), FUNCTIONS)
def test_a_memory_keyed_by_sizes_and_constants_is_rejected(chapter, name, check):
    right, kept = solution(chapter, name), {}

    def answer(*args, **kwargs):
        key = str((_key(args), _key(kwargs)))
        if key not in kept:
            kept[key] = right(*args, **kwargs)
        return kept[key]

    given = check.subject.draw(0).args
    if any(callable(part) for part in given):
        pytest.skip("the answer is handed functions")
    if all(map(_constant, given)):
        pytest.skip("the answer is handed constants alone, so that such a memory is right")
    rejection(check, answer)


@pytest.mark.parametrize(("chapter", "name", "check"), FUNCTIONS)
def test_result_of_a_wrong_shape_is_rejected(chapter, name, check):
    right = solution(chapter, name)
    one = check.subject.draw(check.subject.cases - 1)
    if _misshapen(right(*clone(one.args), **clone(dict(one.kwargs)))) is None:
        pytest.skip("the result has no shape")
    rejection(check, lambda *args, **kwargs: _misshapen(right(*args, **kwargs)))


@pytest.mark.parametrize(("chapter", "name", "check"), FUNCTIONS)
def test_constant_that_fits_the_first_case_is_rejected(chapter, name, check):
    one = check.subject.draw(check.subject.cases - 1)
    constant = solution(chapter, name)(*clone(one.args), **clone(dict(one.kwargs)))
    rejection(check, lambda *args, **kwargs: constant)


@pytest.mark.parametrize(("chapter", "name", "check"), FUNCTIONS)
def test_answer_that_changes_its_arguments_is_rejected(chapter, name, check):
    one = check.subject.draw(check.subject.cases - 1)
    if not list(_arrays((one.args, dict(one.kwargs)))):
        pytest.skip("no argument can be changed in place")
    right = solution(chapter, name)

    def answer(*args, **kwargs):
        result = clone_graph(right(*args, **kwargs))
        with torch.no_grad():
            for array in _arrays((args, kwargs)):
                array[...] = ~array if array.dtype in (torch.bool, np.bool_) else array + 1
        return result

    rejection(check, answer)


def clone_graph(value):
    """A copy that does not share memory with the arguments, with its graph."""
    return value.clone() if isinstance(value, torch.Tensor) else value


def _arrays(value):
    if isinstance(value, (torch.Tensor, np.ndarray)) and value.size:
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _arrays(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _arrays(part)


def _misshapen(value):
    """The same numbers in another shape; None if there is no shape to change."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return value[None]
    if isinstance(value, dict) and value:
        return dict(list(value.items())[1:])
    if isinstance(value, (tuple, list)) and value:
        return value[:-1]
    return None
