"""Checks of a class: other numbers and cases, the same misconceptions."""

import math

import pytest
import torch

from metarl_core.check import CheckFailed
from metarl_core.check.ch02 import oracles as waves
from metarl_core.check.ch03 import oracles as noises
from metarl_core.check.ch04 import bandit as bandits
from metarl_core.check.variants import NUMBERS, numbers_of, of_class
from tests.solved import answers
from tools.course import ROOT


def floors(w):
    """By formulas, which the checks do not use."""
    zero = (w.high**3 - w.low**3) / (6 * (w.high - w.low))
    return {
        "floor_zero": zero,
        "floor_agnostic": zero - ((w.low + w.high) / 2 * 2 / math.pi) ** 2,
        "floor_phase_known": (w.high - w.low) ** 2 / 24,
        "floor_amplitude_known": 2 * zero * (1 / 2 - (2 / math.pi) ** 2),
    }


def biases(n):
    c = 1 / (math.sqrt(2) * n.sigma)
    density, below = math.exp(-(c**2) / 2) / math.sqrt(2 * math.pi), 0.5 * math.erfc(-c / math.sqrt(2))
    return {
        "bias_equal": n.equal_sigma / math.sqrt(math.pi),
        "bias_single": -1 + (c * below + density) / c,
        "bias_double": -(1 - below),
    }


def baselines(b):
    mean, best = b.p * b.first + (1 - b.p) * b.second, (1 - b.p) * b.first + b.p * b.second
    return {
        "best_baseline": best,
        "variance_mean_baseline": b.p * (1 - b.p) * (best - mean) ** 2,
        "variance_best_baseline": 0.0,
    }


EVERY = [
    *(("ch02", numbers, floors) for numbers in (waves.GIVEN, *waves.OTHERS)),
    *(("ch03", numbers, biases) for numbers in (noises.GIVEN, *noises.OTHERS)),
    *(("ch04", numbers, baselines) for numbers in (bandits.GIVEN, *bandits.OTHERS)),
]


def made(chapter, name, numbers):
    return __import__(f"metarl_core.check.{chapter}.{name}", fromlist=["of"]).of(numbers)


def said(check, answer):
    with pytest.raises(CheckFailed) as caught:
        check(answer)
    return caught.value.misconception


@pytest.mark.parametrize("chapter, numbers, formulas", EVERY, ids=lambda part: getattr(part, "__name__", str(part)))
def test_right_answers_pass_and_each_misconception_keeps_its_message(chapter, numbers, formulas, capsys):
    given = {"ch02": waves, "ch03": noises, "ch04": bandits}[chapter].GIVEN
    for name, right in formulas(numbers).items():
        check, course = made(chapter, name, numbers), made(chapter, name, given)
        check(right)
        assert [wrong.id for wrong in check.wrongs] == [wrong.id for wrong in course.wrongs]
        for wrong, ours in zip(check.wrongs, course.wrongs, strict=True):
            if isinstance(wrong.answer, float):
                assert said(check, wrong.answer) == said(course, ours.answer), (name, wrong.id)
        if numbers != given and name != "variance_best_baseline":
            with pytest.raises(CheckFailed):
                check(formulas(given)[name])


def test_a_class_gets_the_same_numbers_for_a_whole_chapter(capsys):
    for chapter, formulas in (("ch02", floors), ("ch03", biases), ("ch04", baselines)):
        for variant in ("2027a", "2027b"):
            numbers, module = numbers_of(chapter, variant), of_class(chapter, variant)
            assert numbers == numbers_of(chapter, variant)
            for name, right in formulas(numbers).items():
                assert name in NUMBERS[chapter][1]
                getattr(module, f"check_{name}")(right)
    assert len({numbers_of("ch04", f"class {i}") for i in range(40)}) == len(bandits.OTHERS)
    assert numbers_of("ch05", "2027a") is None and numbers_of("ch04", "") == bandits.GIVEN


def test_functions_are_tried_on_other_cases_of_the_same_ranges(capsys):
    course, ours = of_class("ch05", "").check_maml_gradient, of_class("ch05", "2027a").check_maml_gradient
    assert course is not ours and [w.id for w in course.wrongs] == [w.id for w in ours.wrongs]
    one, other, again = (s.draw(20).args for s in (course.subject, ours.subject, ours.subject))
    twin = ours.subject.twin(20).args
    assert torch.equal(other[0], again[0]) and not _same(one[0], other[0])
    assert other[0].shape == twin[0].shape and not _same(other[0], twin[0]) and other[2:] == twin[2:]
    right = answers(ROOT / "solutions" / "05_maml.py")["check_maml_gradient"]
    ours(right)


def _same(one, other):
    return one.shape == other.shape and torch.equal(one, other)


def test_constants_of_a_notebook_are_there_and_a_chapter_without_checks_is_said():
    from metarl_core.check import ch03

    assert of_class("ch03", "2027a").SAME_STEP_SIZE == ch03.SAME_STEP_SIZE
    with pytest.raises(ValueError, match=r"chapter must be one that has checks, as in 'ch05', got 'ch77'\."):
        of_class("ch77", "")
