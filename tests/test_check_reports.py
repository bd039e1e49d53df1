"""Checks of a report on an experiment: how it is read, in what order faults are named, what is repeated."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from metarl_core.check import CheckFailed, NotDone, Wrong
from metarl_core.check.reports import (
    choice,
    drawn_from,
    fault_of_plays,
    fault_of_returns,
    fault_of_spread,
    finite,
    interval_fault,
    interval_faults,
    is_turned,
    is_unpaired,
    number,
    number_lists,
    numbers,
    others_differ,
    pair,
    report_check,
    returns,
    same_agents,
    seeds,
    share_twins,
    spread_otherwise,
    tasks,
    tensor,
    tensors,
    whole,
    whole_numbers,
)
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.short_walks import EPISODES, episodes_to_level, learn, short_walks
from metarl_core.tasks import CartPole, PointNavigation

LOOKED = []


def _look(seen):
    LOOKED.append(seen)
    return {"best": seen["highest"]}


def _examine(report):
    if len(report["scores"]) > 3:
        raise CheckFailed("too long", "shape")
    return report | {"lowest": min(report["scores"]), "highest": max(report["scores"])}


CHECK = report_check(
    "run",
    {"seeds": whole, "scores": numbers},
    Wrong("few", "Few seeds.", when=lambda report: report["seeds"] < 5),
    Wrong("low", "Low scores.", when=lambda seen: seen["lowest"] < 0),
    examine=_examine,
    look=_look,
    found=(Wrong("high", "Too good.", when=lambda seen, looked: looked["best"] > 10),),
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


def test_without_an_examination_the_report_is_seen_and_a_check_may_say_what_it_found(capsys):
    check = report_check(
        "run", {"score": number}, Wrong("low", "Low.", when=lambda report: report["score"] < 0),
        passed=lambda report: f"{report['score']:g} points.",
    )  # fmt: skip
    assert refusal(check, {"score": -1}).misconception == "low"
    check({"score": 3})
    assert capsys.readouterr().out == "Passed: 3 points.\n"


def test_what_may_be_written_instead_is_told_by_the_fields():
    fields = {"n": whole, "x": finite, "y": number, "list": numbers, "word": choice("a", "b")}
    assert report_check("run", fields).subject == {"n": int, "x": float, "y": float, "list": (), "word": ("a", "b")}


class Strange:
    def __float__(self):
        raise RuntimeError("no number")

    def __len__(self):
        raise RuntimeError("no length")


class StrangeList(list):
    def __iter__(self):
        raise RuntimeError("no parts")


@pytest.mark.parametrize("entry", [Strange(), StrangeList([1.0]), [StrangeList([1.0])], [[Strange()]]])
@pytest.mark.parametrize("read", [number, finite, whole, numbers, seeds, pair, returns, tensor, tensors, choice("a")])
def test_an_entry_that_raises_gets_a_sentence(read, entry):
    error = refusal(report_check("run", {"entry": read}), {"entry": entry})
    assert error.kind == "type" and error.__context__ is None and '`run["entry"]`' in str(error)


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
    interval = t_interval([1.0, 2.0, 3.0])
    assert pair("x", interval) == (interval.low, interval.high)
    for given in ([0, 3], {3, 0}, (0.0, 3), torch.tensor([0, 3]), np.array([0, 3])):
        assert seeds("x", given) == [0, 3]
    assert seeds("x", []) == [] == seeds("x", set()) == seeds("x", torch.zeros(0))
    assert choice("a", "b")("x", np.str_("b")) == "b"
    for given in (torch.ones(2, 3), np.ones((2, 3), int), [[1, 1.0, Fraction(1)]] * 2, [torch.ones(3), [1, 1, 1]]):
        assert returns("x", given).dtype == float and returns("x", given).tolist() == [[1.0] * 3] * 2
    weights = torch.ones(2, requires_grad=True)
    assert not tensor("x", weights).requires_grad and tensors("x", {"w": weights})["w"].tolist() == [1.0, 1.0]
    weights.data.zero_()
    assert tensor("x", weights).tolist() == [0.0, 0.0]
    array = np.array([1.0, 2.0])
    assert tensor("x", array[::-1]).tolist() == [2.0, 1.0] and tensor("x", array).data_ptr() != array.ctypes.data


@pytest.mark.parametrize(
    ("read", "given"),
    [
        (number, 10**400),
        (number, math.nan),
        (finite, math.inf),
        (finite, torch.ones(1, device="meta")),
        (whole, 2**70),
        (seeds, [-1, 2]),
        (seeds, [0.5]),
        (seeds, "01"),
        (seeds, {"a": {}}),
        (seeds, range(10**9)),
        (choice("a", "b"), "c"),
        (choice("a", "b"), 1),
        (returns, [[1.0, 2.0], [1.0]]),
        (returns, [1.0, 2.0]),
        (returns, torch.ones(2, 3, 4)),
        (returns, [["1", "2"]]),
        (returns, [[True, False]]),
        (returns, [[1.0, math.inf]]),
        (returns, torch.full((1, 2), math.nan)),
        (returns, [range(10**9)] * 5),
        (returns, torch.ones(2, 2, device="meta")),
        (returns, torch.ones(2, 2).to_sparse()),
        (tensor, torch.zeros(1).expand(10**9)),
        (tensor, torch.ones(2, dtype=torch.int64)),
        (tensor, torch.tensor([math.nan])),
        (tensor, [1.0]),
        (tensor, np.array([1, 2])),
        (tensor, np.array([math.inf])),
        (tensors, {}),
        (tensors, {0: torch.ones(1)}),
        (tensors, {"w": torch.ones(2, device="meta")}),
        (tensors, {"w": torch.ones(2, 2).to_sparse()}),
    ],
)
def test_what_is_none_of_the_kind_is_refused(read, given):
    with pytest.raises(CheckFailed, match="should be"):
        read("`x`", given)


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


VALUES = [180.0, 200.0, 220.0, 160.0, 180.0]
INTERVAL = t_interval(VALUES)


def around(half, middle=188.0):
    return middle - half, middle + half


@pytest.mark.parametrize(
    ("ends", "fault"),
    [
        ((INTERVAL.low, INTERVAL.high), None),
        (tuple(round(end) for end in (INTERVAL.low + 0.4, INTERVAL.high)), None),  # as with slack
        ((INTERVAL.high, INTERVAL.low), "not_an_interval"),
        ((188.0, 188.0), "not_an_interval"),
        ((math.inf, -math.inf), "not_an_interval"),
        ((160.0, 220.0), "extremes"),
        (around(22.8035), "standard_deviation"),
        (around(2.77645 * 22.8035), "standard_deviation"),
        (around(10.1980), "standard_error"),
        (around(1.96 * 10.1980), "normal_interval"),
        (around(2.77645 * 20.3961 / 5**0.5), "divides_by_n"),
        (around(2.13185 * 10.1980), "one_sided"),
        (around(28.314, 180.0), "off_centre"),
        ((-math.inf, 216.314), "off_centre"),
        (around(24.0), "too_narrow"),
        (around(46.95), "too_wide"),
        ((-math.inf, math.inf), "too_wide"),
    ],
)
def test_an_interval_that_is_none_is_named(ends, fault):
    assert interval_fault(*ends, VALUES, slack=0.5) == fault
    wrongs = interval_faults(lambda report: report["values"], slack=0.5)
    named = [wrong.id for wrong in wrongs if wrong.when({"values": VALUES, "interval": ends})]
    assert named == ([] if fault is None else [fault])


def test_nothing_is_named_where_two_things_fit():
    error = 22.8035 / 5**0.5  # with five seeds, two errors are just the deviation that divides by five
    assert interval_fault(*around(2 * error), VALUES) == "too_narrow"
    assert 2 * error == pytest.approx(np.std(VALUES), rel=1e-5)


def test_episodes_taken_for_trainings_are_named_where_there_are_episodes():
    episodes = np.add.outer(VALUES, 30 * np.sin(np.arange(40)))
    runs, pooled = episodes.mean(1), t_interval(episodes.ravel())
    assert interval_fault(pooled.low, pooled.high, runs, episodes) == "pooled_episodes"
    assert interval_fault(pooled.low, pooled.high, runs) == "too_narrow"
    ids = [wrong.id for wrong in interval_faults(lambda seen: seen, pooled=lambda seen: seen)]
    assert "pooled_episodes" in ids and "pooled_episodes" not in [w.id for w in interval_faults(lambda seen: seen)]


def test_seeds_that_agree_have_an_interval_of_no_width():
    assert interval_fault(150.0, 150.0, [150.0] * 5) is None
    assert interval_fault(149.0, 151.0, [150.0] * 5) == "too_wide"


def test_returns_are_told_apart_where_noise_cannot_explain_it():
    random = np.random.default_rng(0)
    first, second = (random.normal(100.0, 20.0, (8, 100)) for _ in range(2))
    assert fault_of_returns(first, second) is None
    assert fault_of_returns(first + 10, second) == "higher" and fault_of_returns(first - 10, second) == "lower"
    one = first.copy()
    one[3] += 25
    assert fault_of_returns(one, second) == "higher"
    assert same_agents({"w": torch.tensor([[1.0], [2.0], [1.0]])})
    assert not same_agents({"w": torch.tensor([[1.0], [1.0]]), "b": torch.tensor([0.0, 1.0])})


def test_seeds_that_were_played_in_turn_with_equal_luck_are_off_together_and_no_fault():
    random, alarms = np.random.default_rng(0), [0, 0]
    for _ in range(300):
        luck = random.normal(0.0, 1.0, (1, 60))
        reported = luck + 0.1 * random.normal(size=(10, 60))
        own = random.normal(0.0, 1.0, (10, 60))
        alarms[0] += fault_of_returns(reported, own) is not None
        alarms[1] += fault_of_plays(reported, own) is not None
    assert alarms[0] > 3 and not alarms[1]
    first, second = (random.normal(100.0, 20.0, (8, 100)) for _ in range(2))
    assert fault_of_plays(first, second) is None
    assert fault_of_plays(first + 10, second) == "higher" and fault_of_plays(first - 10, second) == "lower"
    first[3] += 25
    assert fault_of_plays(first, second) == "higher"


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


def test_an_interval_of_paired_differences_that_is_turned_or_of_two_groups():
    generator = np.random.default_rng(0)
    common = generator.normal(size=(6, 1))
    groups = [common + 0.1 * generator.normal(size=(6, 50)) + shift for shift in (0.0, 0.3)]
    pairs = groups[1] - groups[0]
    right = t_interval(pairs)
    apart = stats.ttest_ind(groups[1].mean(1), groups[0].mean(1)).confidence_interval()
    own, other, wide = (right.low, right.high), (-right.high, -right.low), (float(apart.low), float(apart.high))
    assert [is_turned(ends, pairs) for ends in (own, other, wide)] == [False, True, False]
    assert [is_unpaired(ends, groups, pairs.mean(1)) for ends in (own, other, wide)] == [False, False, True]


def plays(seed, seeds=8, tasks=200, of=1):
    """Results less the means of ten plays, with skewed luck: of one play, and of the mean of several."""
    generator = np.random.default_rng(seed)
    means = generator.exponential(1.0, (seeds, tasks))
    others = (means * generator.exponential(1.0, (10, seeds, tasks))).mean(0)
    return [means * generator.exponential(1.0, (n, seeds, tasks)).mean(0) - others for n in (of, 1)]


def test_the_spread_of_right_results_is_like_that_of_another_play():
    assert not any(fault_of_spread(*plays(seed)) for seed in range(200))
    assert not any(fault_of_spread(*plays(seed, tasks=18, seeds=5)) for seed in range(200))
    assert fault_of_spread(np.zeros((5, 3)), np.zeros((5, 3))) is None


def test_seeds_that_were_played_with_equal_luck_are_no_fault():
    equal = [np.repeat(one[:1], 8, 0) for seed in range(200) for one in plays(seed, tasks=18)]
    assert not any(map(fault_of_spread, equal[::2], equal[1::2]))


def test_means_of_several_plays_are_narrower():
    assert fault_of_spread(*plays(0, of=20)) == "narrower"


def test_results_of_another_task_are_wider_though_their_mean_is_right():
    generator = np.random.default_rng(1)
    means = generator.normal(size=(6, 150)) + 3 * generator.normal(size=150)
    reported, own = (means + generator.normal(size=means.shape) for _ in range(2))
    assert fault_of_returns(np.roll(reported, 1, 1), own) is None
    assert fault_of_spread(reported - means, own - means) is None
    assert fault_of_spread(np.roll(reported, 1, 1) - means, own - means) == "wider"


def test_a_fair_sample_is_spread_as_it_is_drawn_and_a_chosen_one_is_not():
    draws = [np.random.default_rng(seed).uniform(-2, 2, 200) for seed in range(300)]
    assert not any(spread_otherwise(one, -2, 2) for one in draws)
    assert spread_otherwise(np.abs(draws[0]), -2, 2) and spread_otherwise(np.sort(draws[0])[:100], -2, 2)
    assert spread_otherwise(np.full(100, 3.0), -2, 2)


def test_chosen_tasks_have_another_mean_than_others():
    pairs = [np.random.default_rng(seed).exponential(1.0, (2, 200)) for seed in range(300)]
    assert not any(others_differ(*pair) for pair in pairs)
    one, other = pairs[0]
    assert others_differ(np.sort(one)[100:], other) and others_differ(np.sort(one)[:100], other)
