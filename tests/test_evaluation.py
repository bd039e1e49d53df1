"""Statistics of results: against hand calculation, and whether intervals cover what they claim."""

import numpy as np
import pytest
import torch

from metarl_core.agents import OraclePolicy, mean_returns
from metarl_core.evaluation import (
    Interval,
    bootstrap_interval,
    interquartile_mean,
    mean,
    paired_difference,
    summarise_curves,
    t_curves,
    t_interval,
)
from metarl_core.tasks import PointNavigation, rollout


def test_interquartile_mean_by_hand():
    assert interquartile_mean([0, 1, 2, 100]) == 1.5
    assert interquartile_mean([8, 1, 2, 3, 4, 5, 6, 7]) == 4.5  # 3, 4, 5, 6 are left
    assert interquartile_mean([-1e9, 2, 2, 2, 5]) == pytest.approx(2)  # five: one from each side
    assert interquartile_mean([3.0]) == 3
    scores = np.array([[0, 1, 2, 100], [5, 5, 5, 5]])
    assert interquartile_mean(scores, axis=1).tolist() == [1.5, 5]
    assert interquartile_mean(scores) == pytest.approx(np.mean([2, 5, 5, 5]))


def coverage(whole_runs, run_spread, experiments=250, runs=20, tasks=6, statistic=mean):
    """Share of 95 % intervals that hold the truth, 0, where runs differ by `run_spread` and scores by 1 besides."""
    random, hits = np.random.default_rng(0), 0
    for seed in range(experiments):
        scores = run_spread * random.normal(size=(runs, 1)) + random.normal(size=(runs, tasks))
        interval = bootstrap_interval(scores, statistic, whole_runs, resamples=200, seed=seed)
        assert interval.low <= interval.point <= interval.high
        hits += interval.low <= 0 <= interval.high
    return hits / experiments


# 250 experiments have a standard error of 1.4 points; a percentile interval of 20 runs is about 2 points too narrow.


@pytest.mark.parametrize("statistic", [mean, interquartile_mean])
def test_coverage_with_correlated_runs(statistic):
    assert 0.87 <= coverage(True, 2.0, statistic=statistic) <= 0.99
    assert coverage(False, 2.0, statistic=statistic) < 0.75


def test_coverage_with_independent_scores():
    assert 0.88 <= coverage(False, 0.0) <= 0.99
    assert 0.87 <= coverage(True, 0.0) <= 0.99


@pytest.mark.parametrize("whole_runs", [True, False])
def test_bootstrap_against_a_plain_loop(whole_runs):
    scores = np.random.default_rng(3).normal(size=(7, 4))
    interval = bootstrap_interval(scores, whole_runs=whole_runs, resamples=4000)
    random, draws = np.random.default_rng(8), []
    for _ in range(4000):
        if whole_runs:
            sample = scores[random.integers(7, size=7)]
        else:
            sample = np.stack([scores[random.integers(7, size=7), task] for task in range(4)], 1)
        draws.append(interquartile_mean(sample))
    low, high = np.quantile(draws, [0.025, 0.975])
    assert interval.point == pytest.approx(interquartile_mean(scores))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.05 * (high - low))


def test_bootstrap_options():
    scores = np.random.default_rng(0).normal(size=(6, 3))
    assert bootstrap_interval(scores, seed=1) == bootstrap_interval(scores, seed=1)
    assert bootstrap_interval(scores, seed=1) != bootstrap_interval(scores, seed=2)
    wide, narrow = bootstrap_interval(scores, confidence=0.99), bootstrap_interval(scores, confidence=0.5)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert bootstrap_interval(np.ones((3, 4))) == Interval(1, 1, 1)
    one_task = bootstrap_interval(scores[:, :1])
    assert one_task.low < one_task.point < one_task.high
    assert str(Interval(1.23456, -0.5, 2.0)) == "1.23 [-0.5, 2]"
    assert bootstrap_interval(torch.from_numpy(scores)) == bootstrap_interval(scores)


@pytest.mark.parametrize(
    "scores, options, message",
    [
        (np.ones((1, 4)), {}, r"at least 2 runs, got \[1, 4\]"),
        (np.ones(4), {}, r"\[run, task\] with at least 2 runs, got \[4\]"),
        (np.ones((2, 0)), {}, r"got \[2, 0\]"),
        (np.ones((2, 3, 4)), {}, r"got \[2, 3, 4\]"),
        ([[1.0, np.nan], [0.0, 1.0]], {}, "finite"),
        ([[1.0, np.inf], [0.0, 1.0]], {}, "finite"),
        (np.ones((2, 2)), {"confidence": 1.0}, "got 1.0"),
        (np.ones((2, 2)), {"confidence": 95}, "got 95"),
    ],
)
def test_bootstrap_refuses(scores, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(scores, **options)


def test_summarise_curves():
    scores = np.random.default_rng(0).normal(size=(6, 5, 3)) + np.array([0, 10, 20])
    curve = summarise_curves(scores, seed=4)
    for place in range(3):
        interval = bootstrap_interval(scores[:, :, place], seed=4)
        assert (curve.point[place], curve.low[place], curve.high[place]) == (
            interval.point,
            interval.low,
            interval.high,
        )
    assert summarise_curves(scores, mean).point == pytest.approx(scores.mean((0, 1)))
    with pytest.raises(ValueError, match=r"got \[5, 3\]"):
        summarise_curves(scores[0])


def test_paired_difference_cancels_what_tasks_share():
    random = np.random.default_rng(0)
    hardness = 100 * random.normal(size=(1, 8))
    first = hardness + random.normal(size=(10, 8)) + 1.0
    second = hardness + random.normal(size=(10, 8))
    difference = paired_difference(first, second)
    assert difference.point == pytest.approx((first - second).mean())
    assert 0.4 < difference.low < difference.point < difference.high < 1.6
    flipped = paired_difference(second, first)
    assert flipped.point == pytest.approx(-difference.point)
    with pytest.raises(ValueError, match=r"one shape, got \[10, 8\] and \[9, 8\]"):
        paired_difference(first, second[:9])


def test_mean_returns():
    family = PointNavigation()
    tasks = family.sample_tasks(4, torch.Generator().manual_seed(0), "test")
    generator = [torch.Generator().manual_seed(1) for _ in range(2)]
    returns = mean_returns(family, tasks, OraclePolicy(family), tasks, 3, generator[0])
    expected = rollout(family, tasks, OraclePolicy(family), tasks, 3, generator[1]).returns.mean(1)
    assert returns.shape == (4,) and torch.equal(returns, expected)


def test_t_interval_by_hand():
    interval = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.7764451051977987 * np.sqrt(2.5 / 5)  # a table of Student's t: 4 degrees of freedom, 97.5 %
    assert (interval.point, interval.low, interval.high) == pytest.approx((3, 3 - half, 3 + half))
    by_task = np.array([[0, 2], [1, 3], [2, 4], [3, 5], [4, 6]])  # means over tasks 1 to 5
    assert t_interval(by_task) == interval
    curve = t_curves(np.stack([by_task, 2 * by_task], -1))
    assert curve.point == pytest.approx([3, 6]) and curve.high == pytest.approx([3 + half, 6 + 2 * half])
    assert t_interval([2.0, 2.0]) == Interval(2, 2, 2)


def test_five_runs_need_students_t():
    random, hits = np.random.default_rng(3), {"t": 0, "bootstrap": 0}
    for seed in range(1000):
        scores = random.normal(size=(5, 1))
        of = {"t": t_interval(scores), "bootstrap": bootstrap_interval(scores, mean, resamples=200, seed=seed)}
        for name, interval in of.items():
            hits[name] += interval.low <= 0 <= interval.high
    assert hits["t"] == pytest.approx(950, abs=25)  # three and a half standard errors
    assert hits["bootstrap"] == pytest.approx(830, abs=30)
