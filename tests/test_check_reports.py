"""Checks of a report on an experiment: how it is read, in what order faults are named, what is repeated."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from metarl_core.check import CheckFailed, NotDone, Wrong
from metarl_core.check.reports import (
    drawn_from,
    interval_flaws,
    number,
    number_lists,
    numbers,
    pair,
    report_check,
    share_twins,
    t_interval,
    tasks,
    whole,
    whole_numbers,
)
from metarl_core.evaluation import t_interval as packages_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.short_walks import EPISODES, episodes_to_level, learn, short_walks
from metarl_core.tasks import CartPole, PointNavigation

LOOKED = []


def _look(report):
    LOOKED.append(report)
    return {"best": max(report["scores"])}


def _too_long(report):
    if len(report["scores"]) > 3:
        raise CheckFailed("too long", "shape")


CHECK = report_check(
    "run",
    {"seeds": whole, "scores": numbers},
    Wrong("few", "Few seeds.", when=lambda report: report["seeds"] < 5),
    Wrong("low", "Low scores.", when=lambda report: min(report["scores"]) < 0),
    agree=_too_long,
    look=_look,
    found=(Wrong("high", "Too good.", when=lambda report, seen: seen["best"] > 10),),
)


def refusal(check, answer):
    with pytest.raises(CheckFailed) as caught:
        check(answer)
    return caught.value


def test_the_first_fault_is_named_and_nothing_is_repeated_for_it():
    LOOKED.clear()
    assert refusal(CHECK, {"seeds": 3, "scores": [-1, 20]}).misconception == "few"
    assert refusal(CHECK, {"seeds": 5, "scores": [-1, 20]}).misconception == "low"
    assert refusal(CHECK, {"seeds": 3, "scores": [1, 2, 3, 4]}).kind == "shape"
    assert not LOOKED
    assert refusal(CHECK, {"seeds": 5, "scores": [1, 20]}).misconception == "high"
    assert len(LOOKED) == 1


def test_a_report_without_a_fault_passes(capsys):
    CHECK({"seeds": np.int64(5), "scores": torch.tensor([1.0, 2.0])})
    assert capsys.readouterr().out.startswith("Passed: `run` has none of the 3 faults")


@pytest.mark.parametrize("unfilled", [None, ...])
def test_an_entry_that_is_not_filled_in_is_not_done(unfilled):
    with pytest.raises(NotDone, match='run."scores"'):
        CHECK({"seeds": 5, "scores": unfilled})


@pytest.mark.parametrize(
    ("report", "kind"),
    [
        ([5, [1]], "type"),
        ({"seeds": 5}, "shape"),
        ({"seeds": 5, "scores": [1], "more": 0}, "shape"),
        ({"seeds": 5.5, "scores": [1]}, "type"),
        ({"seeds": True, "scores": [1]}, "type"),
        ({"seeds": 5, "scores": []}, "type"),
        ({"seeds": 5, "scores": "12"}, "type"),
        ({"seeds": 5, "scores": [math.nan]}, "type"),
        ({"seeds": 5, "scores": range(10**9)}, "type"),
    ],
)
def test_what_cannot_be_read_is_refused(report, kind):
    assert refusal(CHECK, report).kind == kind


def test_a_misconception_of_a_report_needs_a_predicate():
    with pytest.raises(ValueError, match="needs a `when`"):
        report_check("run", {"seeds": whole}, Wrong("five", "Five.", 5))


def test_whatever_counts_as_a_number_is_made_plain():
    assert [number("x", given) for given in (Fraction(1, 2), Decimal("0.5"), torch.tensor([0.5]))] == [0.5] * 3
    assert number("x", math.inf) == math.inf
    assert whole_numbers("x", np.arange(3)) == [0, 1, 2] == whole_numbers("x", range(3))
    assert number_lists(2)("x", torch.ones(3, 2)) == [[1.0, 1.0]] * 3
    assert pair("x", packages_interval([1.0, 2.0, 3.0])) == pytest.approx(t_interval([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"goal": [[0.0, 0.0]]},
        {"goal": torch.zeros(2, 3)},
        {"goal": torch.zeros(2, 2, dtype=torch.float64)},
        {"goal": torch.full((2, 2), math.nan)},
        {"goal": torch.zeros(0, 2)},
        {"goal": torch.zeros(2, 2).to_sparse()},
        {"goal": torch.zeros(2, 2, device="meta")},
    ],
)
def test_tasks_that_are_none_are_refused(given):
    with pytest.raises(CheckFailed, match="should be"):
        tasks({"goal": (2,)})("`goals`", given)


def test_splits_are_told_by_their_stamp_and_twins_by_their_values():
    for family, name in ((PointNavigation(), "goal"), (CartPole(spread=4.0), "length")):
        train, test, twin = (family.sample_tasks(50, seeded(s), split) for s, split in
                             ((1, "train"), (2, "test"), (1, "test")))  # fmt: skip
        assert drawn_from("train", train[name]) and not drawn_from("test", train[name])
        assert drawn_from("test", test[name]) and not drawn_from("train", test[name])
        assert share_twins(twin, train) == 1.0 and share_twins(test, train) == 0.0


def test_the_interval_is_that_of_the_package_and_its_doubles_are_named():
    values = [180.0, 200.0, 220.0, 160.0, 180.0]
    expected = packages_interval(values)
    assert t_interval(values) == pytest.approx((expected.low, expected.high))
    flaws = interval_flaws(lambda report: report["values"], slack=0.01)

    def named(low, high):
        report = {"values": values, "interval": (low, high)}
        return next((wrong.id for wrong in flaws if wrong.when(report)), None)

    mean, error = 188.0, np.std(values, ddof=1) / 5**0.5
    assert named(*t_interval(values)) is None
    assert named(mean - 1.96 * error, mean + 1.96 * error) == "normal"
    assert named(mean - 2.7764451 * np.std(values) / 5**0.5, mean + 2.7764451 * np.std(values) / 5**0.5) == "population"
    assert named(mean - np.std(values, ddof=1), mean + np.std(values, ddof=1)) == "spread"
    assert named(100.0, 200.0) == "no_t_interval"


def test_short_walks_begin_alike_however_long_they_go_on():
    goals = short_walks().sample_tasks(2, seeded(0), "train")
    short, longer = learn(goals, 0.1, 3, updates=2), learn(goals, 0.1, 3, updates=4)
    assert short.shape == (2, 2) and torch.equal(short, longer[:, :2])
    assert not torch.equal(short, learn(goals, 0.1, 4, updates=2))


def test_the_cost_counts_updates_before_the_mean_reaches_the_level():
    curve = torch.tensor([[-9.0, -5.0, -1.0, -1.0], [-9.0, -4.0, -5.0, -9.0]])
    assert episodes_to_level(curve, level=-4.5) == EPISODES * 1
    assert episodes_to_level(curve, level=-3.0) == EPISODES * 2
    assert episodes_to_level(curve, level=-9.0) == 0
    assert episodes_to_level(curve, level=-0.5) == math.inf
