"""The check of the exercise `few`: what a memory of eight bandits loses on others, played and trained again."""

from dataclasses import dataclass

import torch

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.reports import (
    choice,
    conclusion_faults,
    drawn_from,
    fault_of_plays,
    fault_of_spread,
    finite,
    interval_faults,
    is_turned,
    is_unpaired,
    report_check,
    returns,
    same_agents,
    seeds,
    share_twins,
    spread_otherwise,
    tasks,
    tensors,
)
from metarl_core.parameters import select_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes.few_bandits import ARMS, PULLS, learn, regrets

FEW_LOSE = "on new bandits the memory of eight bandits loses more than the other one"
FEW_WIN = "on new bandits the memory of eight bandits loses less than the other one"
NOT_TOLD_APART = "the two could not be told apart"

EIGHT, FEWEST, TWICE = 8, 200, 10
"""training bandits; held-out ones at the least; how often each is played here for its mean"""
KINDS = ("few", "many")
APART = 0.2
"""how far the weights of a training that is repeated may be off, as a part of how far training moved them"""


@dataclass(frozen=True)
class _Found:
    """What the report says, and what its memories do."""

    report: dict
    copied: bool
    reported: tuple
    """regrets less their means over luck, `[seed, task]`, by kind"""
    own: tuple
    """the same of one more play"""
    exchanged: tuple
    """the reported regrets less the means of the other kind"""

    @property
    def difference(self):
        """Of each seed: few less many."""
        return self.pairs.mean(1)

    @property
    def pairs(self):
        return self.report["regrets_few"] - self.report["regrets_many"]

    @property
    def interval(self):
        return self.report["low"], self.report["high"]

    @property
    def faults(self):
        return [fault_of_plays(said, found) for said, found in zip(self.reported, self.own, strict=True)]

    @property
    def spreads(self):
        return [fault_of_spread(said, found) for said, found in zip(self.reported, self.own, strict=True)]

    @property
    def drawn_otherwise(self):
        return any(spread_otherwise(arm, 0, 1) for arm in self.report["held_out"]["means"].T.double().numpy())

    @property
    def told_the_other_way(self):
        pairs = zip(self.exchanged, self.own[::-1], strict=True)
        return any(self.faults) and all(fault_of_plays(said, found) is None for said, found in pairs)

    @property
    def turned(self):
        return is_turned(self.interval, self.pairs)

    @property
    def unpaired(self):
        """Whether the interval is as wide as that of two groups of memories that have nothing in common."""
        return is_unpaired(self.interval, [self.report[f"regrets_{kind}"] for kind in KINDS], self.difference)


def _examine(report):
    number, held_out = len(report["seeds"]), len(report["held_out"]["means"])
    if not number:
        raise CheckFailed('`few["seeds"]` holds no seed.', "shape")
    own = learn([0], iterations=0)
    for kind in KINDS:
        shapes = {name: list(value.shape) for name, value in report[kind].items()}
        expected = {name: [number, *value.shape[1:]] for name, value in own.items()}
        if shapes != expected:
            words = f"should hold the parameters of each of your {number} seeds, as `learn` gives them."
            raise CheckFailed(f'`few["{kind}"]` {words}', "shape")
        if report[f"regrets_{kind}"].shape != (number, held_out):
            words = f"has the shape {list(report[f'regrets_{kind}'].shape)}; expected is [{number}, {held_out}]."
            raise CheckFailed(f'`few["regrets_{kind}"]` {words}', "shape")
    means = report["held_out"]["means"]
    if not 0 <= float(means.min()) <= float(means.max()) <= 1:
        raise CheckFailed('`few["held_out"]` holds means that are no probabilities.', "value")
    average, once = zip(*(_played(report[kind], report["held_out"]) for kind in KINDS), strict=True)
    told = [report[f"regrets_{kind}"] for kind in KINDS]
    return _Found(
        report,
        any(same_agents(report[kind]) for kind in KINDS),
        tuple(said - mean for said, mean in zip(told, average, strict=True)),
        tuple(one - mean for one, mean in zip(once, average, strict=True)),
        tuple(said - mean for said, mean in zip(told, average[::-1], strict=True)),
    )


def _played(parameters, bandits):
    """Each bandit's mean regret over several trials, and that of one more, `[seed, task]`."""
    parameters = {name: value.float() for name, value in parameters.items()}
    often = {"means": bandits["means"].repeat(TWICE, 1)}
    many = regrets(parameters, often, seeded(4242)).unflatten(1, (TWICE, -1)).mean(1)
    return many.double().numpy(), regrets(parameters, bandits, seeded(4243)).double().numpy()


def _learn_again(found):
    """How far the weights of one seed are from those of a training that is repeated, by kind."""
    report = found.report
    place = int(abs(report["low"]) * 1e6) % len(report["seeds"])
    seed = report["seeds"][place]
    start = _flat(learn([seed], iterations=0))
    off = []
    for kind, training in zip(KINDS, (report["training"], None), strict=True):
        again = _flat(learn([seed], training))
        told = _flat({name: value[None] for name, value in select_parameters(report[kind], place).items()})
        off.append(float((told - again).norm() / (again - start).norm()))
    return off


def _flat(parameters):
    return torch.cat([parameters[name].double().flatten() for name in sorted(parameters)])


check_few = report_check(
    "few",
    {
        "training": tasks({"means": (ARMS,)}, exact=True),
        "held_out": tasks({"means": (ARMS,)}, exact=True),
        "seeds": seeds,
        "few": tensors,
        "many": tensors,
        "regrets_few": returns,
        "regrets_many": returns,
        "low": finite,
        "high": finite,
        "conclusion": choice(FEW_LOSE, FEW_WIN, NOT_TOLD_APART),
    },
    Wrong(
        "few_seeds",
        "Fewer than five different seeds. By how much do two memories differ that differ in nothing but the seed?",
        when=lambda found: len(set(found.report["seeds"])) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.report["seeds"])) < len(found.report["seeds"]),
    ),
    Wrong(
        "copied",
        "Two of your memories have the same weights to the last digit. Was each trained with a seed of its own?",
        when=lambda found: found.copied,
    ),
    Wrong(
        "not_eight",
        "The list that was trained on does not hold eight different bandits.",
        when=lambda found: len(found.report["training"]["means"].unique(dim=0)) != EIGHT,
    ),
    Wrong(
        "trained_on_test",
        'The eight bandits do not carry the stamp of the split `"train"`.',
        when=lambda found: not drawn_from("train", found.report["training"]["means"]),
    ),
    Wrong(
        "measured_on_training",
        'The bandits that you measure on are not held-out ones: some do not carry the stamp of the split `"test"`.',
        when=lambda found: not drawn_from("test", found.report["held_out"]["means"]),
    ),
    Wrong(
        "twins",
        "The bandits of the training stand among the held-out ones up to their last bit. With which generators were "
        "the two splits drawn?",
        when=lambda found: share_twins(found.report["training"], found.report["held_out"]) > 0.1,
    ),
    Wrong(
        "few_tasks",
        "Fewer than 200 different held-out bandits.",
        when=lambda found: len(found.report["held_out"]["means"].unique(dim=0)) < FEWEST,
    ),
    Wrong(
        "no_regrets",
        f"A regret counted with the arms' means lies between 0 and {PULLS}. Yours do not.",
        when=lambda found: any(
            found.report[f"regrets_{kind}"].min() < -1e-4 or found.report[f"regrets_{kind}"].max() > PULLS
            for kind in KINDS
        ),
    ),
    Wrong(
        "exchanged",
        "Played here, the memories of each kind lose what you report for the other kind.",
        when=lambda found: found.told_the_other_way,
    ),
    Wrong(
        "higher_than_lost",
        "On the same bandits, with other luck, memories of yours lose less than you report, by more than luck can "
        "explain. Do your numbers come from these weights?",
        when=lambda found: "higher" in found.faults,
    ),
    Wrong(
        "lower_than_lost",
        "On the same bandits, with other luck, memories of yours lose more than you report, by more than luck can "
        "explain. Were there several plays to choose from?",
        when=lambda found: "lower" in found.faults,
    ),
    Wrong(
        "other_bandits",
        "Bandit by bandit your regrets lie farther from what your memories lose there than luck can explain, though "
        "their mean may be right. Do they stand in the order of your held-out bandits, and are they of these?",
        when=lambda found: "wider" in found.spreads,
    ),
    Wrong(
        "several_trials",
        "Bandit by bandit your regrets scatter less than those of one trial each. Are they means of several?",
        when=lambda found: "narrower" in found.spreads,
    ),
    Wrong(
        "drawn_otherwise",
        "The means of an arm are not spread over your held-out bandits as `sample_tasks` draws them, evenly from 0 to "
        "1. Are they all that it gave you, with the arms in its order?",
        when=lambda found: found.drawn_otherwise,
    ),
    Wrong(
        "turned",
        "Your interval is that of many less few. Which way round does the text ask for?",
        when=lambda found: found.turned,
    ),
    Wrong(
        "unpaired",
        "Your interval is that of two separate groups. What is the same for both memories of a seed, and what is left "
        "of it in their difference?",
        when=lambda found: found.unpaired,
    ),
    *interval_faults(lambda found: found.difference, lambda found: found.interval, pooled=lambda found: found.pairs),
    *conclusion_faults(
        lambda found: found.interval, lambda found: found.report["conclusion"], FEW_LOSE, NOT_TOLD_APART
    ),
    examine=_examine,
    look=_learn_again,
    found=(
        Wrong(
            "not_repeated",
            "`learn`, called again with one of your seeds, does not lead to the weights that stand in your report. On "
            "which bandits, and for how long, were yours trained?",
            when=lambda found, off: max(off) > APART,
        ),
    ),
    passed=lambda found: (
        f"played again on your {len(found.report['held_out']['means'])} held-out bandits, the "
        f"{len(found.report['seeds'])} pairs of memories lose what you report; one pair was trained again; and the "
        "interval is that of the differences."
    ),
)
