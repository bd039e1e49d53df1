"""The check of the exercise `training_ways`: 5 or 20 letters in a training task, and two intervals of two claims."""

from dataclasses import dataclass

import numpy as np
import torch

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.reports import (
    choice,
    conclusion_faults,
    finite,
    interval_fault,
    interval_faults,
    is_turned,
    is_unpaired,
    report_check,
    returns,
    same_agents,
    seeds,
    tensors,
    whole,
)
from metarl_core.evaluation import t_interval
from metarl_core.parameters import select_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes.training_ways import QUERIES, WAYS, accuracies, episodes, learn

TWENTY_HIGHER = "twenty letters give the higher accuracy"
FIVE_HIGHER = "five letters give the higher accuracy"
NOT_TOLD_APART = "the two could not be told apart"

KINDS = {"five": 5, "twenty": 20}
FEWEST_SEEDS, MOST_SEEDS, FEWEST_TASKS = 5, 20, 200
APART = 0.05
"""how far the weights of a training that is repeated may be off, as a part of how far training moved them"""


@dataclass(frozen=True)
class _Found:
    """What the report says, and what its networks do."""

    report: dict
    own: dict
    """accuracies by kind, `[seed, task]`, on the held-out tasks of the evaluation seed"""
    in_training: dict
    """the same on tasks of training letters, of the same seed"""

    @property
    def told(self):
        return {kind: self.report[f"accuracies_{kind}"] for kind in KINDS}

    @property
    def pairs(self):
        return self.told["twenty"] - self.told["five"]

    @property
    def difference(self):
        return self.pairs.mean(1)

    @property
    def interval(self):
        return self.report["low"], self.report["high"]

    @property
    def interval_of_pair(self):
        return self.report["pair_low"], self.report["pair_high"]

    @property
    def of_pair(self):
        """Differences of the pair, `[task]`."""
        return self.pairs[self.report["seeds"].index(self.report["pair_seed"])]

    def matches(self, other, turned=False):
        pairs = zip(self.told, reversed(KINDS) if turned else KINDS, strict=True)
        return all(_alike(self.told[kind], other[as_kind]) for kind, as_kind in pairs)

    @property
    def decided(self):
        """For how many pairs the interval over tasks lies above 0, and below."""
        ends = [t_interval(row) for row in self.pairs]
        return sum(one.low > 0 for one in ends), sum(one.high < 0 for one in ends)

    @property
    def turned(self):
        return is_turned(self.interval, self.pairs)

    @property
    def unpaired(self):
        """Whether the interval is as wide as that of two groups of trainings that have nothing in common."""
        return is_unpaired(self.interval, list(self.told.values()), self.difference)

    @property
    def pair_fault(self):
        """Whose interval stands where that of the pair should: "trainings", "queries", "other", or None."""
        low, high = self.interval_of_pair
        half = t_interval(self.of_pair)
        normal = 1.96 * self.of_pair.std(ddof=1) / len(self.of_pair) ** 0.5  # with 200 tasks hardly another one
        if any(np.allclose((low, high), ends, atol=2e-4, rtol=0) for ends in
               ((half.low, half.high), (half.point - normal, half.point + normal))):  # fmt: skip
            return None
        if interval_fault(low, high, self.difference) is None:
            return "trainings"
        seed = self.report["seeds"].index(self.report["pair_seed"])
        shares, answers = [one[seed].mean() for one in self.told.values()], len(self.of_pair) * WAYS * QUERIES
        naive = 1.96 * sum(a * (1 - a) / answers for a in shares) ** 0.5
        near = abs((low + high) / 2 - half.point) < 1e-3 and abs((high - low) / 2 - naive) < 0.1 * naive
        return "queries" if near else "other"

    @property
    def pair_says(self):
        low, high = self.interval_of_pair
        return TWENTY_HIGHER if low > 0 else FIVE_HIGHER if high < 0 else NOT_TOLD_APART


def _alike(told, own):
    """Nearly all of them: a query half-way between two prototypes may fall to either."""
    return told.shape == own.shape and bool((np.abs(told - own) < 1e-3).mean() > 0.97)


def _examine(report):
    number = len(report["seeds"])
    if not 1 <= number <= MOST_SEEDS:
        raise CheckFailed(f'`training_ways["seeds"]` holds {number} seeds; 5 to {MOST_SEEDS} will do.', "shape")
    start = learn(5, [0], 0)
    for kind in KINDS:
        shapes = {name: list(value.shape) for name, value in report[kind].items()}
        if shapes != {name: [number, *value.shape[1:]] for name, value in start.items()}:
            words = f"should hold the parameters of each of your {number} seeds, as `learn` gives them."
            raise CheckFailed(f'`training_ways["{kind}"]` {words}', "shape")
        if len(report[f"accuracies_{kind}"]) != number:
            words = f"has {len(report[f'accuracies_{kind}'])} rows; expected is one for each of your {number} seeds."
            raise CheckFailed(f'`training_ways["accuracies_{kind}"]` {words}', "shape")
    tasks = {report[f"accuracies_{kind}"].shape[1] for kind in KINDS}
    if len(tasks) > 1 or max(tasks) > 1000:
        raise CheckFailed("Both kinds should have been measured on the same tasks, 200 to 1,000.", "shape")
    if report["pair_seed"] not in report["seeds"]:
        raise CheckFailed('`training_ways["pair_seed"]` is none of your seeds.', "value")
    own, in_training = ({kind: _accuracies(report, kind, *tasks, split) for kind in KINDS} for split in
                        ("test", "train"))  # fmt: skip
    return _Found(report, own, in_training)


def _accuracies(report, kind, tasks, split):
    images = episodes(tasks, WAYS, QUERIES, seeded(report["evaluation_seed"]), split)
    return accuracies(report[kind], images).double().numpy()


def _learn_again(found):
    """How far the weights of one pair are, at most, from those of a pair that is trained again."""
    report, off = found.report, []
    place = int(abs(report["low"]) * 1e6) % len(report["seeds"])
    for kind, ways in KINDS.items():
        start, again = (_flat(learn(ways, [report["seeds"][place]], *updates)) for updates in ((0,), ()))
        told = _flat({name: value[None] for name, value in select_parameters(report[kind], place).items()})
        off.append(float((told - again).norm() / (again - start).norm()))
    return max(off)


def _flat(parameters):
    return torch.cat([parameters[name].double().flatten() for name in sorted(parameters)])


def _seed(where, value):
    found = whole(where, value, "a whole number from 0 on")
    if found < 0:
        raise CheckFailed(f"{where} is {found}; it should be a whole number from 0 on.", "value")
    return found


check_training_ways = report_check(
    "training_ways",
    {
        "seeds": seeds,
        "five": tensors,
        "twenty": tensors,
        "evaluation_seed": _seed,
        "accuracies_five": returns,
        "accuracies_twenty": returns,
        "low": finite,
        "high": finite,
        "conclusion": choice(TWENTY_HIGHER, FIVE_HIGHER, NOT_TOLD_APART),
        "pair_seed": whole,
        "pair_low": finite,
        "pair_high": finite,
        "pair_conclusion": choice(TWENTY_HIGHER, FIVE_HIGHER, NOT_TOLD_APART),
        "pairs_for_twenty": whole,
        "pairs_for_five": whole,
    },
    Wrong(
        "few_seeds",
        "Fewer than five different seeds. By how much do two trainings differ that differ in nothing but the seed?",
        when=lambda found: len(set(found.report["seeds"])) < FEWEST_SEEDS,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.report["seeds"])) < len(found.report["seeds"]),
    ),
    Wrong(
        "copied",
        "Two of your networks of one kind have the same weights to the last digit. Was each trained with a seed of its "
        "own?",
        when=lambda found: any(same_agents(found.report[kind]) for kind in KINDS),
    ),
    Wrong(
        "few_tasks",
        "Fewer than 200 held-out tasks.",
        when=lambda found: found.pairs.shape[1] < FEWEST_TASKS,
    ),
    Wrong(
        "no_shares",
        "An accuracy is a share of right answers, from 0 to 1. Yours are not: are they counts, or per cent?",
        when=lambda found: any(one.min() < 0 or one.max() > 1 for one in found.told.values()),
    ),
    Wrong(
        "exchanged",
        "Asked again, the networks of each kind have the accuracies that you report for the other kind.",
        when=lambda found: not found.matches(found.own) and found.matches(found.own, turned=True),
    ),
    Wrong(
        "measured_on_training",
        "Your accuracies are those on letters of the training scripts. On which letters was the question?",
        when=lambda found: not found.matches(found.own) and found.matches(found.in_training),
    ),
    Wrong(
        "other_accuracies",
        "Asked again, on the held-out tasks that `episodes` draws with your evaluation seed, your networks give other "
        "accuracies than you report.",
        when=lambda found: not found.matches(found.own),
    ),
    Wrong(
        "turned",
        "Your interval is that of five less twenty. Which way round does the text ask for?",
        when=lambda found: found.turned,
    ),
    Wrong(
        "unpaired",
        "Your interval is that of two separate groups. What is the same for both networks of a seed, and what is left "
        "of it in their difference?",
        when=lambda found: found.unpaired,
    ),
    *interval_faults(lambda found: found.difference, lambda found: found.interval, pooled=lambda found: found.pairs),
    *conclusion_faults(
        lambda found: found.interval, lambda found: found.report["conclusion"], TWENTY_HIGHER, NOT_TOLD_APART
    ),
    Wrong(
        "pair_over_trainings",
        "The interval of your one pair is that of all trainings. The first claim is about two networks that are there: "
        "what would be drawn anew?",
        when=lambda found: found.pair_fault == "trainings",
    ),
    Wrong(
        "pair_over_queries",
        "The interval of your one pair counts every answer as independent, and the two networks as strangers. The "
        "queries of a task share their letters, and both networks answered the same ones.",
        when=lambda found: found.pair_fault == "queries",
    ),
    Wrong(
        "pair_interval",
        "The interval of your one pair is not the t interval over tasks of twenty less five.",
        when=lambda found: found.pair_fault == "other",
    ),
    Wrong(
        "pair_conclusion",
        "What you say of your one pair is not what its interval says.",
        when=lambda found: found.report["pair_conclusion"] != found.pair_says,
    ),
    Wrong(
        "pairs_miscounted",
        "The numbers of pairs whose interval over tasks lies above 0, and below, are others.",
        when=lambda found: (found.report["pairs_for_twenty"], found.report["pairs_for_five"]) != found.decided,
    ),
    examine=_examine,
    look=_learn_again,
    found=(
        Wrong(
            "not_repeated",
            "`learn`, called again with one of your seeds, does not lead to the weights that stand in your report. On "
            "how many letters at a time, and for how long, was yours trained?",
            when=lambda found, off: off > APART,
        ),
    ),
    passed=lambda found: (
        f"asked again, your {len(found.report['seeds'])} pairs of networks have the accuracies that you report; one "
        "pair was trained again; and both intervals are those of their claims."
    ),
)
