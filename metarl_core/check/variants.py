"""The checks of a class: the same questions with other numbers, and other cases to be tried on.

    from metarl_core.check.variants import of_class
    ch05 = of_class("ch05", "2027a")

A notebook that was released for the class "2027a" does this where it would import ch05, and goes on as ever. What
changes: questions about a number are asked of other numbers (`numbers_of` says which), and functions are tried on cases
drawn with other seeds from the same ranges. What stays: each exercise, its misconceptions, its difficulty.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from .check import Check
from .draw import TWIN, Case, Draw
from .functions import Subject

NUMBERS = {
    "ch02": ("oracles", ("floor_zero", "floor_agnostic", "floor_phase_known", "floor_amplitude_known")),
    "ch03": ("oracles", ("bias_equal", "bias_single", "bias_double")),
    "ch04": ("bandit", ("best_baseline", "variance_mean_baseline", "variance_best_baseline")),
}
"""By chapter: the module with the GIVEN numbers and the OTHERS, and the checks that are made `of` one of them."""


def of_class(chapter: str, variant: str) -> SimpleNamespace:
    """What the module `metarl_core.check.chNN` holds, its checks those of a class. The class "" has the course's own.

    Args:
        chapter: "ch05".
        variant: a word of your choice. The same word gives the same checks.

    Raises:
        ValueError: for a chapter without checks.
    """
    try:
        module = importlib.import_module(f"metarl_core.check.{chapter}")
    except ImportError:
        raise ValueError(f"chapter must be one that has checks, as in 'ch05', got {chapter!r}.") from None
    names = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    if not variant:
        return SimpleNamespace(**names)
    numbers = numbers_of(chapter, variant)
    for name, value in names.items():
        if not isinstance(value, Check):
            continue
        if numbers is not None and value.name in NUMBERS[chapter][1]:
            names[name] = _maker(chapter, value.name)(numbers)
        elif isinstance(value.subject, Subject):
            names[name] = _other_cases(value, value.subject, _seed(f"{variant}/{chapter}/{value.name}"))
    return SimpleNamespace(**names)


def numbers_of(chapter: str, variant: str) -> Any:
    """The numbers that a class's questions are asked of, None where a chapter asks no such question; those of the
    course for the class "".
    """
    if chapter not in NUMBERS:
        return None
    module = importlib.import_module(f"metarl_core.check.{chapter}.{NUMBERS[chapter][0]}")
    return module.OTHERS[_seed(f"{variant}/{chapter}") % len(module.OTHERS)] if variant else module.GIVEN


def _maker(chapter: str, name: str) -> Callable[[Any], Check]:
    return importlib.import_module(f"metarl_core.check.{chapter}.{name}").of


def _seed(words: str) -> int:
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:6], "big")


def _other_cases(check: Check, subject: Subject, seed: int) -> Check:
    def draw_case(draw: Draw) -> Case:
        twin = TWIN if draw._given else 0  # a twin's constants are given, its numbers are others
        draw.generator.manual_seed((seed + draw.seed + twin) % 2**63)
        return subject.draw_case(draw)

    other = replace(subject, draw_case=draw_case)
    return Check(check.name, check.kind, check.wrongs, other.judge, other)
