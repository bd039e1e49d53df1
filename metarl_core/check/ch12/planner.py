"""The check of the exercise `planner`: planners that hold or break, played again."""

from dataclasses import dataclass

import numpy as np

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.reports import choice, conclusion_faults, finite, interval_faults, numbers, report_check, seeds
from metarl_core.check.reports.fields import refused
from metarl_core.recipes.swing_up import Planner, swing_up

WARM_WINS = "with a warm start it earns more than the dear search without"
DEAR_WINS = "the dear search without a warm start earns more"
NOT_TOLD_APART = "not told apart"
NAMES = ("repaired", "short", "thin", "cold", "dear")
BROKEN = ("short", "thin", "cold")
GOOD, LOST, BUDGET, DEARER, LONGEST, MOST = 0.45, 0.15, 600, 10, 30, 500
SAME = 1e-6


def planner_of(where, value):
    """A `Planner` with a horizon and candidates that a search can have."""
    wanted = "a Planner of `metarl_core.recipes.swing_up`"
    if not isinstance(value, Planner):
        raise refused(where, value, wanted)
    for name, most in (("horizon", LONGEST), ("candidates", MOST)):
        given = getattr(value, name)
        if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= most:
            raise refused(f"{where}.{name}", given, f"a whole number from 1 to {most}")
    if not isinstance(value.warm_start, bool):
        raise refused(f"{where}.warm_start", value.warm_start, "True or False")
    return value


def rewards_of(where, value):
    """Rewards of each seed, for each planner by its name."""
    if not isinstance(value, dict) or set(value) != set(NAMES):
        raise refused(where, value, "a dict with the keys " + ", ".join(map(repr, NAMES)))
    return {name: numbers(f"{where}[{name!r}]", value[name]) for name in NAMES}


@dataclass(frozen=True)
class _Found:
    """What is seen of a report."""

    report: dict

    @property
    def rewards(self):
        return {name: np.array(self.report["rewards"][name]) for name in NAMES}

    @property
    def repaired(self):
        return self.report["repaired"]

    @property
    def difference(self):
        return (self.rewards["repaired"] - self.rewards["dear"]).tolist()

    @property
    def interval(self):
        return self.report["low"], self.report["high"]

    @property
    def turned(self):
        low, high = self.interval
        middle, wanted = (low + high) / 2, float(np.mean(self.difference))
        return abs(wanted) > 0.01 and abs(middle + wanted) < 0.1 * abs(wanted)

    def differs_in(self, name):
        """The fields in which a planner is not the repaired one."""
        fields = ("horizon", "candidates", "warm_start")
        return {field for field in fields if getattr(self.report[name], field) != getattr(self.repaired, field)}

    def lost(self, name):
        return float(self.rewards["repaired"].mean() - self.rewards[name].mean())


def _examine(report):
    number = len(report["seeds"])
    for name in NAMES:
        if len(report["rewards"][name]) != number:
            words = f"holds {len(report['rewards'][name])} rewards, and there are {number} seeds."
            raise CheckFailed(f'`planner["rewards"]["{name}"]` {words}', "shape")
    return _Found(report)


def _played_again(found):
    """How far the rewards of the planners are from those that are told, by name."""
    report, off = found.report, {}
    for name in NAMES:
        again = swing_up(report[name], report["seeds"]).numpy()
        off[name] = float(np.abs(again - found.rewards[name]).max())
    return off


check_planner = report_check(
    "planner",
    {
        **dict.fromkeys(NAMES, planner_of),
        "seeds": seeds,
        "rewards": rewards_of,
        "low": finite,
        "high": finite,
        "conclusion": choice(WARM_WINS, DEAR_WINS, NOT_TOLD_APART),
    },
    Wrong(
        "few_seeds",
        "Fewer than five different seeds. Which of your planners was lucky?",
        when=lambda found: len(set(found.report["seeds"])) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two episodes, and is one.",
        when=lambda found: len(set(found.report["seeds"])) < len(found.report["seeds"]),
    ),
    Wrong(
        "no_rewards",
        "A mean reward of a step lies between 0 and 1. Yours do not: are they sums?",
        when=lambda found: any(one.min() < 0 or one.max() > 1 for one in found.rewards.values()),
    ),
    Wrong(
        "too_dear",
        f"Your repaired planner imagines more than {BUDGET} steps a search. What of it could be spared?",
        when=lambda found: found.repaired.imagined_steps > BUDGET,
    ),
    Wrong(
        "not_repaired",
        f"Your repaired planner earns {GOOD} or less a step on the average.",
        when=lambda found: found.rewards["repaired"].mean() <= GOOD,
    ),
    Wrong(
        "not_short",
        '"short" should have another horizon than your repaired planner, and differ in nothing else.',
        when=lambda found: found.differs_in("short") != {"horizon"},
    ),
    Wrong(
        "not_thin",
        '"thin" should have another number of candidates than your repaired planner, and differ in nothing else.',
        when=lambda found: found.differs_in("thin") != {"candidates"},
    ),
    Wrong(
        "not_cold",
        '"cold" should have no warm start where your repaired planner has one, and differ in nothing else.',
        when=lambda found: found.differs_in("cold") != {"warm_start"} or found.report["cold"].warm_start,
    ),
    Wrong(
        "dear_horizon",
        '"dear" has another horizon than your repaired planner. Would you know which of the two changes did it?',
        when=lambda found: found.report["dear"].horizon != found.repaired.horizon,
    ),
    Wrong(
        "dear_warm",
        '"dear" has a warm start. Can more computing stand in for it where it is there?',
        when=lambda found: found.report["dear"].warm_start,
    ),
    Wrong(
        "not_dear",
        f'"dear" imagines fewer than {DEARER} times as many steps as your repaired planner.',
        when=lambda found: found.report["dear"].imagined_steps < DEARER * found.repaired.imagined_steps,
    ),
    Wrong(
        "not_broken",
        f"One of the three planners that you broke loses less than {LOST} a step against your repaired one.",
        when=lambda found: min(map(found.lost, BROKEN)) < LOST,
    ),
    Wrong(
        "turned",
        "Your interval is that of the dear one less yours. Which way round does the text ask for?",
        when=lambda found: found.turned,
    ),
    *interval_faults(lambda found: found.difference, lambda found: found.interval),
    *conclusion_faults(
        lambda found: found.interval, lambda found: found.report["conclusion"], WARM_WINS, NOT_TOLD_APART
    ),
    examine=_examine,
    look=_played_again,
    found=(
        Wrong(
            "not_repeated",
            "`swing_up`, called again with a planner of your report and its seeds, earns something else than what "
            "stands in it. Which planner are your rewards of?",
            when=lambda found, off: max(off.values()) > SAME,
        ),
    ),
    passed=lambda found: (
        f"{found.repaired.imagined_steps} imagined steps a search earn {found.rewards['repaired'].mean():.2f}; three "
        f"broken planners lose {', '.join(f'{found.lost(name):.2f}' for name in BROKEN)}; played again, they earn what "
        "you report; and the interval is that of the differences."
    ),
)
