"""The check of the exercise `comparison`: two rules on the cliff, played again with exploration."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.spatial.distance import pdist

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.ch03.cliff import epsilon_of, play
from metarl_core.check.reports import (
    choice,
    conclusion_faults,
    fault_of_returns,
    finite,
    interval_faults,
    is_turned,
    is_unpaired,
    report_check,
    returns,
    same_agents,
    seeds,
    tensor,
)

EXPECTED_EARNS_MORE = "the expected target earns more while the agent explores"
GREEDY_EARNS_MORE = "the greedy target earns more while the agent explores"
NOT_TOLD_APART = "the two could not be told apart"

EPSILON, EPISODES, FEWEST = 0.1, 1000, 20
BEST = -13
"""return of the shortest way: up, eleven to the right, down"""
NEAR = 0.02
"""how far the ε that the values fit may be off; measured after 1500 iterations: less than 0.001"""


@dataclass(frozen=True)
class _Found:
    """What the report says, and what its agents do."""

    seeds: list
    copied: bool
    fitted: tuple
    """the ε that the values of each agent fit, by kind of target"""
    worst: float
    reported: tuple
    own: tuple
    of_greedy_policies: tuple
    interval: tuple
    conclusion: str

    @property
    def difference(self):
        """Of each seed: expected less greedy target."""
        return self.reported[1].mean(1) - self.reported[0].mean(1)

    @property
    def kinds(self):
        """Whether all agents of one kind fit ε = 0, and all of the other ε = 0.1; as told, and exchanged."""

        def fit(greedy, expected):
            off = np.concatenate([np.abs(greedy), np.abs(np.subtract(expected, EPSILON))])
            return bool((off <= NEAR).all())

        return fit(*self.fitted), fit(*self.fitted[::-1])

    @property
    def other_spread(self):
        """Whether returns are spread as chance would have it less than once in a billion."""
        pairs = zip(self.reported, self.own, strict=True)
        return any(stats.ks_2samp(said.ravel(), found.ravel()).pvalue < 1e-9 for said, found in pairs)

    @property
    def faults(self):
        return [fault_of_returns(said, found) for said, found in zip(self.reported, self.own, strict=True)]

    @property
    def turned(self):
        """Whether the interval is that of the differences the other way round."""
        return is_turned(self.interval, self.reported[1] - self.reported[0])

    @property
    def unpaired(self):
        """Whether it is nothing else, and as wide as that of two groups of agents that have nothing in common."""
        return is_unpaired(self.interval, self.reported, self.difference, self.reported[1] - self.reported[0])


def _nearly_alike(tables) -> bool:
    """Whether two tables that learn of exploration differ nowhere by a tenth of a step's cost.

    A fall costs a hundred, and their values follow the latest falls. (Tables of the greedy rule converge.)
    """
    flat = np.asarray(tables, dtype=float).reshape(len(tables), -1)
    return bool((pdist(flat, "chebyshev") < 0.1).any())


def _matches(reported, found):
    return all(fault_of_returns(said, one) is None for said, one in zip(reported, found, strict=True))


def _examine(report):
    number, names = len(report["seeds"]), ("greedy_target", "expected_target")
    if not number:
        raise CheckFailed('`comparison["seeds"]` holds no seed.', "shape")
    tables, reported = [], []
    for name in names:
        table, told = report[name], report[f"returns_{name}"]
        if tuple(table.shape) != (number, 48, 4):
            words = f"has shape {list(table.shape)}; with {number} seeds expected is [{number}, 48, 4]."
            raise CheckFailed(f'`comparison["{name}"]` {words}', "shape")
        if len(told) != number:
            words = f"has {len(told)} rows; expected is one for each of your {number} seeds."
            raise CheckFailed(f'`comparison["returns_{name}"]` {words}', "shape")
        tables.append(table.double().numpy())
        reported.append(told)
    if reported[0].shape != reported[1].shape:
        raise CheckFailed("Both rules should have played equally many episodes.", "shape")
    own = [play(table, EPISODES, EPSILON, seed=1000 + n) for n, table in enumerate(tables)]
    return _Found(
        report["seeds"],
        any(same_agents({name: report[name]}) for name in names) or _nearly_alike(tables[1]),
        tuple([epsilon_of(one) for one in table] for table in tables),
        float(min(returns.mean(1).min() for returns in own)),
        tuple(reported),
        tuple(own),
        tuple(play(table, 1, 0.0, seed=0).repeat(EPISODES, 1) for table in tables),
        (report["low"], report["high"]),
        report["conclusion"],
    )


check_comparison = report_check(
    "comparison",
    {
        "seeds": seeds,
        "greedy_target": tensor,
        "expected_target": tensor,
        "returns_greedy_target": returns,
        "returns_expected_target": returns,
        "low": finite,
        "high": finite,
        "conclusion": choice(EXPECTED_EARNS_MORE, GREEDY_EARNS_MORE, NOT_TOLD_APART),
    },
    Wrong(
        "few_seeds",
        "Fewer than five different seeds. By how much do two agents differ that differ in nothing but the seed?",
        when=lambda found: len(set(found.seeds)) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.seeds)) < len(found.seeds),
    ),
    Wrong(
        "copied",
        "Two of your agents have the same values, or nearly the same. Was each of them trained with a seed of its own?",
        when=lambda found: found.copied,
    ),
    Wrong(
        "not_trained",
        "Played here with ε = 0.1, an agent of yours earns less than −300 in the mean: it does not find the goal. What "
        "does a comparison of agents tell that have not learned?",
        when=lambda found: found.worst < -300,
    ),
    Wrong(
        "no_returns",
        "A step costs 1 and a fall 100 here, so a return is a whole number. Where do yours come from?",
        when=lambda found: any(np.abs(one - one.round()).max() > 1e-3 for one in found.reported),
    ),
    Wrong(
        "beyond_the_best",
        "A return that you report is higher than that of the shortest way around the cliff.",
        when=lambda found: max(one.max() for one in found.reported) > BEST,
    ),
    Wrong(
        "few_episodes",
        "Fewer than 20 episodes for each agent. One fall costs a hundred: how well is a mean of so few known?",
        when=lambda found: found.reported[0].shape[1] < FEWEST,
    ),
    Wrong(
        "exchanged",
        "Played here, the agents of each rule earn what you report for the other one.",
        when=lambda found: not _matches(found.reported, found.own) and _matches(found.reported, found.own[::-1]),
    ),
    Wrong(
        "without_exploration",
        "Played here, your agents earn what you report if they do *not* explore. The question was what they earn while "
        "they do.",
        when=lambda found: any(found.faults) and _matches(found.reported, found.of_greedy_policies),
    ),
    Wrong(
        "higher_than_earned",
        "On fresh episodes agents of yours earn less than you report, by more than noise can explain. On which "
        "episodes were your numbers found, and were there several to choose from?",
        when=lambda found: "higher" in found.faults,
    ),
    Wrong(
        "lower_than_earned",
        "On fresh episodes agents of yours earn more than you report, by more than noise can explain. Do your "
        "numbers come from the tables at the end of the training?",
        when=lambda found: "lower" in found.faults,
    ),
    Wrong(
        "other_spread",
        "Your returns are not distributed as those of your agents on fresh episodes. Are they single episodes, and all "
        "that you played?",
        when=lambda found: found.other_spread,
    ),
    Wrong(
        "turned",
        "Your interval is that of greedy less expected target. Which way round does the text ask for?",
        when=lambda found: found.turned,
    ),
    Wrong(
        "unpaired",
        "Your interval is that of two separate groups. What is the same for both agents of a seed, and what is left of "
        "it in their difference?",
        when=lambda found: found.unpaired,
    ),
    *interval_faults(
        lambda found: found.difference,
        lambda found: found.interval,
        pooled=lambda found: found.reported[1] - found.reported[0],
    ),
    *conclusion_faults(
        lambda found: found.interval, lambda found: found.conclusion, EXPECTED_EARNS_MORE, NOT_TOLD_APART
    ),
    Wrong(
        "kinds_exchanged",
        "The tables that you call those of the greedy target fit (1) with ε = 0.1, and the others with ε = 0.",
        when=lambda found: found.kinds[1],
    ),
    Wrong(
        "another_target",
        "Along the path that an agent of yours takes, its values do not satisfy (1) with the ε of its kind, 0 or 0.1. "
        "With which ε was it trained, and to the end?",
        when=lambda found: not found.kinds[0],
    ),
    examine=_examine,
    passed=lambda found: (
        f"played again on {EPISODES} episodes each, your {len(found.seeds)} pairs of agents earn what you report, and "
        "the interval is that of their differences."
    ),
)
