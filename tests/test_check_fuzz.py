"""Whatever is handed to a check, a sentence comes back: never a traceback of the checker's own.

`make test` hands in a few things, and `make attacks` all of them.
"""

import datetime
import importlib
import math
import pkgutil
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import ALL, chosen

import metarl_core.check
from metarl_core.check import Check, CheckFailed, NotDone

pytestmark = pytest.mark.slow

CHAPTERS = sorted(m.name for m in pkgutil.iter_modules(metarl_core.check.__path__) if re.fullmatch(r"ch\d\d", m.name))
CHECKS = [
    pytest.param(value, id=f"{chapter}.{name}")
    for chapter in CHAPTERS
    for name, value in vars(importlib.import_module(f"metarl_core.check.{chapter}")).items()
    if isinstance(value, Check)
]
EXAMPLES, SHARE = 12 if ALL else 4, 6


class Hostile:
    """Every question about it raises."""

    def __eq__(self, other):
        raise RuntimeError("not comparable")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        raise RuntimeError("no words")

    def __len__(self):
        raise RuntimeError("no length")

    def __float__(self):
        raise RuntimeError("no number")

    def __iter__(self):
        raise RuntimeError("no parts")


def tensors():
    shapes = st.lists(st.integers(0, 3), max_size=3)
    dtypes = st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64, torch.float16])
    return st.builds(lambda shape, dtype: torch.ones(shape).to(dtype), shapes, dtypes)


ODD = [
    torch.ones(3, device="meta"), torch.ones(2, 2).to_sparse(), torch.tensor(math.nan), torch.tensor([math.inf]),
    torch.ones(2, requires_grad=True), np.array(["a", "b"]), np.array([None, 1], dtype=object), np.longdouble(1),
    10**5000, -(10**400), Decimal("NaN"), Decimal("1e999999"), Fraction(1, 3), 1j, b"bytes", "x" * 10_000, object(),
    Hostile(), Hostile, range(3), iter([1]), (x for x in "ab"), {1, 2}, frozenset(), datetime.date(2020, 1, 1),
    NotImplemented, type, int, len, math, torch.nn.Linear(2, 2), torch.Generator(), np.datetime64("NaT"), [[]],
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.complex_numbers()
KEYS = st.text(max_size=3) | st.integers() | st.none() | st.tuples(st.integers())
THINGS = st.recursive(
    SCALARS | tensors(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=6,
)
QUICK = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def answered(check, answer):
    """The check passes, or says one readable thing about a wrong answer."""
    try:
        check(answer)
    except (CheckFailed, NotDone) as error:
        message = str(error)
        assert message.strip() and len(message) < 6000
        assert "metarl_core/check" not in message
        assert error.__context__ is None and error.__cause__ is None


@pytest.mark.parametrize("check", CHECKS)
@QUICK
@given(answer=THINGS)
def test_anything_handed_in(check, answer):
    answered(check, answer)


@pytest.mark.parametrize("check", [p for p in CHECKS if p.values[0].kind == "function"])
@QUICK
@given(returned=THINGS)
def test_a_function_that_returns_anything(check, returned):
    answered(check, lambda *args, **kwargs: returned)


@pytest.mark.parametrize("check", [p for p in CHECKS if p.values[0].kind == "design"])
@QUICK
@given(values=st.lists(THINGS, min_size=12, max_size=12))
def test_a_plan_of_anything(check, values):
    answered(check, dict(zip(check.subject, values, strict=False)))


@pytest.mark.in_turn(4)
@pytest.mark.parametrize("check", CHECKS)
def test_odd_things(check):
    """Apart from hypothesis, which cannot write them down."""
    for thing in (thing for number, thing in enumerate(ODD, len(check.name)) if chosen(number, SHARE)):
        answered(check, thing)
        if check.kind == "function":
            answered(check, lambda *args, thing=thing, **kwargs: thing)
        if check.kind == "design":
            answered(check, dict.fromkeys(check.subject, thing))


@pytest.mark.parametrize("check", [p for p in CHECKS if p.values[0].kind == "function"])
def test_a_huge_result_gets_a_sentence(check):
    answered(check, lambda *args, **kwargs: torch.zeros(()).expand(10**9))
    answered(check, lambda *args, **kwargs: range(10**12))
