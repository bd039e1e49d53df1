"""The check of the exercise `own_rates`: rates predicted from curvatures, learned, and what they are worth."""

import math
from dataclasses import dataclass

import numpy as np

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.reports import (
    choice,
    conclusion_faults,
    finite,
    interval_faults,
    is_turned,
    is_unpaired,
    numbers,
    report_check,
    returns,
    seeds,
    tensors,
    whole,
)
from metarl_core.randomness import seeded
from metarl_core.recipes.own_rates import NOISE, POINTS, learn, losses, sample_tasks

OWN_LOWER = "a rate for each direction gives the lower loss"
ONE_LOWER = "one rate for all directions gives the lower loss"
NOT_TOLD_APART = "the two could not be told apart"

KINDS = ("own", "one")
FEWEST_SEEDS, MOST_SEEDS, FEWEST_TASKS, MOST_TASKS = 5, 50, 200, 5000
FEWEST, MOST, FLATTEST, STEEPEST, SPREAD = 4, 8, 0.05, 5.0, 10.0
"""directions, and their curvatures"""
APART = 0.02
"""how far entries of a training that is repeated may be off"""
CLOSE = 0.02
"""how far a predicted rate may be off, as a part"""


def predicted(curvatures):
    """Rates by (06.17): E[slope · error] over E[slope²], with what ten points and their noise add to E[slope²]."""
    curvatures = np.asarray(curvatures)
    return POINTS / ((POINTS + 1) * curvatures + curvatures.sum() + NOISE**2)


@dataclass(frozen=True)
class _Found:
    """What the report says, and what its parameters do."""

    report: dict
    own: dict
    """losses by kind, `[seed, task]`"""
    copied: bool

    @property
    def told(self):
        return {kind: self.report[f"losses_{kind}"] for kind in KINDS}

    @property
    def pairs(self):
        return self.told["one"] - self.told["own"]

    @property
    def difference(self):
        return self.pairs.mean(1)

    @property
    def interval(self):
        return self.report["low"], self.report["high"]

    @property
    def curvatures(self):
        return np.array(self.report["curvatures"])

    def matches(self, turned=False):
        pairs = zip(KINDS, KINDS[::-1] if turned else KINDS, strict=True)
        return all(np.allclose(self.told[kind], self.own[other], rtol=1e-3, atol=1e-3) for kind, other in pairs)

    def predicts(self, rates):
        return np.allclose(self.report["predicted"], rates, rtol=CLOSE)

    @property
    def furthest(self):
        """How far the mean over seeds of a learned rate is from the prediction, at most, as a part of it."""
        learned = self.report["own"]["rates"].double().numpy().mean(0)
        return float(np.abs(learned / self.report["predicted"] - 1).max())

    @property
    def turned(self):
        return is_turned(self.interval, self.pairs)

    @property
    def unpaired(self):
        """Whether the interval is as wide as that of two groups of trainings that have nothing in common."""
        return is_unpaired(self.interval, list(self.told.values()), self.difference)


def _examine(report):
    number, directions = len(report["seeds"]), len(report["curvatures"])
    if not 1 <= number <= MOST_SEEDS:
        raise CheckFailed(f'`own_rates["seeds"]` holds {number} seeds; 5 to {MOST_SEEDS} will do.', "shape")
    if not all(map(math.isfinite, report["curvatures"])):
        raise CheckFailed('`own_rates["curvatures"]` should hold finite numbers.', "type")
    if len(report["predicted"]) != directions:
        words = f"holds {len(report['predicted'])} rates, and there are {directions} curvatures."
        raise CheckFailed(f'`own_rates["predicted"]` {words}', "shape")
    for kind, rates in zip(KINDS, (directions, 1), strict=True):
        shapes = {name: list(value.shape) for name, value in report[kind].items()}
        if shapes != {"theta": [number, directions], "rates": [number, rates]}:
            words = f"should hold theta [{number}, {directions}] and rates [{number}, {rates}], as `learn` gives them."
            raise CheckFailed(f'`own_rates["{kind}"]` {words}', "shape")
        if len(report[f"losses_{kind}"]) != number:
            words = f"has {len(report[f'losses_{kind}'])} rows; expected is one for each of your {number} seeds."
            raise CheckFailed(f'`own_rates["losses_{kind}"]` {words}', "shape")
    tasks = {report[f"losses_{kind}"].shape[1] for kind in KINDS}
    if len(tasks) > 1 or max(tasks) > MOST_TASKS:
        raise CheckFailed(f"Both kinds should have been measured on the same tasks, 200 to {MOST_TASKS}.", "shape")
    if min(report["curvatures"]) <= 0 or max(report["curvatures"]) > 1000:
        raise CheckFailed('`own_rates["curvatures"]` should hold numbers from 0.05 to 5.', "value")
    held_out = sample_tasks(report["curvatures"], *tasks, seeded(report["evaluation_seed"]))
    own = {kind: losses(report[kind], report["curvatures"], held_out).double().numpy() for kind in KINDS}
    thetas = [report[kind]["theta"] for kind in KINDS]
    return _Found(report, own, any(len(theta.unique(dim=0)) < len(set(report["seeds"])) for theta in thetas))


def _learn_again(found):
    """How far entries are from those of trainings that are repeated, of one seed."""
    report, off = found.report, []
    place = int(abs(report["low"]) * 1e6) % len(report["seeds"])
    for kind in KINDS:
        again = learn(report["curvatures"], [report["seeds"][place]], kind == "own")
        off += [float((report[kind][name][place] - again[name][0]).abs().max()) for name in again]
    return max(off)


def _seed(where, value):
    found = whole(where, value, "a whole number from 0 on")
    if found < 0:
        raise CheckFailed(f"{where} is {found}; it should be a whole number from 0 on.", "value")
    return found


check_own_rates = report_check(
    "own_rates",
    {
        "curvatures": numbers,
        "predicted": numbers,
        "seeds": seeds,
        "own": tensors,
        "one": tensors,
        "furthest": finite,
        "evaluation_seed": _seed,
        "losses_own": returns,
        "losses_one": returns,
        "low": finite,
        "high": finite,
        "conclusion": choice(OWN_LOWER, ONE_LOWER, NOT_TOLD_APART),
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
        "Two trainings of one kind have the same start to the last digit. Was each made with a seed of its own?",
        when=lambda found: found.copied,
    ),
    Wrong(
        "curvatures_alike",
        f"Asked for are {FEWEST} to {MOST} curvatures from {FLATTEST} to {STEEPEST:g}, the largest ten times the "
        "smallest or more. Yours are others.",
        when=lambda found: (
            not FEWEST <= len(found.curvatures) <= MOST
            or found.curvatures.min() < FLATTEST * (1 - 1e-6)
            or found.curvatures.max() > STEEPEST * (1 + 1e-6)
            or found.curvatures.max() < SPREAD * found.curvatures.min() * (1 - 1e-6)
        ),
    ),
    Wrong(
        "one_over_curvature",
        "You predict 1/λ: the step that solves a direction where its slope is known exactly. Here it comes from ten "
        "noisy points. What else than the error of its own direction is in a slope?",
        when=lambda found: found.predicts(1 / found.curvatures),
    ),
    Wrong(
        "no_noise",
        "Your prediction leaves out the noise of the labels. The slope of a direction has a part that comes from it.",
        when=lambda found: (
            found.predicts(POINTS / ((POINTS + 1) * found.curvatures + found.curvatures.sum()))
            and not found.predicts(predicted(found.curvatures))
        ),
    ),
    Wrong(
        "learned_for_predicted",
        "Your prediction is the learned rates themselves. Which numbers did you have before the training?",
        when=lambda found: np.allclose(
            found.report["predicted"], found.report["own"]["rates"].double().mean(0).numpy(), rtol=1e-5
        ),
    ),
    Wrong(
        "another_prediction",
        "Your predicted rates do not satisfy the condition (06.17), with the expectations of the text.",
        when=lambda found: not found.predicts(predicted(found.curvatures)),
    ),
    Wrong(
        "few_tasks",
        "Fewer than 200 held-out tasks.",
        when=lambda found: found.pairs.shape[1] < FEWEST_TASKS,
    ),
    Wrong(
        "seed_of_a_training",
        "Your evaluation seed is one of the seeds of the trainings. Which tasks has that training seen?",
        when=lambda found: found.report["evaluation_seed"] in found.report["seeds"],
    ),
    Wrong(
        "less_than_noise",
        f"No loss is smaller than that of the noise, {NOISE**2 / 2:g}. One of yours is.",
        when=lambda found: min(one.min() for one in found.told.values()) < NOISE**2 / 2 - 1e-3,
    ),
    Wrong(
        "exchanged",
        "The parameters of each kind have the losses that you report for the other one.",
        when=lambda found: not found.matches() and found.matches(turned=True),
    ),
    Wrong(
        "other_losses",
        "On the tasks that `sample_tasks` draws with your evaluation seed your parameters have other losses than you "
        "report.",
        when=lambda found: not found.matches(),
    ),
    Wrong(
        "another_distance",
        "The largest distance of a learned rate, the mean over your seeds, from the predicted one is another. It is "
        "asked for as a part of the predicted one.",
        when=lambda found: abs(found.report["furthest"] - found.furthest) > 1e-3,
    ),
    Wrong(
        "turned",
        "Your interval is that of own rates less one rate. Which way round does the text ask for?",
        when=lambda found: found.turned,
    ),
    Wrong(
        "unpaired",
        "Your interval is that of two separate groups. What is the same for both trainings of a seed, and what is left "
        "of it in their difference?",
        when=lambda found: found.unpaired,
    ),
    *interval_faults(lambda found: found.difference, lambda found: found.interval, pooled=lambda found: found.pairs),
    *conclusion_faults(
        lambda found: found.interval, lambda found: found.report["conclusion"], OWN_LOWER, NOT_TOLD_APART
    ),
    examine=_examine,
    look=_learn_again,
    found=(
        Wrong(
            "not_repeated",
            "`learn`, called again with one of your seeds and your curvatures, does not lead to the rates and the "
            "start that stand in your report.",
            when=lambda found, off: off > APART,
        ),
    ),
    passed=lambda found: (
        f"your prediction is off by {found.furthest:.1%} at most; your {len(found.report['seeds'])} pairs of trainings "
        "have the losses that you report, and one pair was made again; and the interval is that of the differences."
    ),
)
