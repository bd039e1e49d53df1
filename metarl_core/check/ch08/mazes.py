"""What is seen of a report on the star-shaped maze: its tables are played and trained again, its bill is added up."""

import math
from dataclasses import dataclass

import numpy as np

from metarl_core.check import CheckFailed
from metarl_core.check.reports import (
    fault_of_plays,
    fault_of_spread,
    finite,
    is_turned,
    is_unpaired,
    spread_otherwise,
)
from metarl_core.check.reports.fields import refused
from metarl_core.randomness import seeded
from metarl_core.recipes.star_maze import (
    ARMS,
    CELLS,
    EPISODES,
    ITERATIONS,
    TASKS,
    after_a_step,
    from_scratch,
    meta_train,
    pre_train,
    sample_tasks,
)

KINDS = ("maml", "pretrained")
COST = 2 * EPISODES * TASKS * ITERATIONS
"""episodes of one meta-training"""
FEWEST, MOST, MOST_SEEDS, TWICE = 100, 300, 20, 3
"""held-out tasks; seeds; how often each is played here for its mean"""
APART, BETTER, BETTER_TRAINED, SOONER, LONG = 0.1, 0.02, 0.05, 0.7, 90
"""how far weights may be off when trained again; by how much half or double a step size may earn more at test, and in
training; the share of the episodes that half or double the rate from scratch may do with; updates at most"""
STEPS, ALPHA, RATE = (20.0, 50.0, 100.0), 50.0, 0.2
"""step sizes at test, α and rate that suit this family: to be tried beside those near the report's, for far from what
suits, half and double do nothing"""


@dataclass(frozen=True)
class Found:
    """What the report says, and what its tables earn here."""

    report: dict
    reported: tuple
    """returns less their means over luck, `[seed, task]`, by kind"""
    own: tuple
    """the same of one more play"""
    others: dict
    """the reported returns less the means of something else that was played, by what"""

    @property
    def pairs(self):
        return self.report["returns_maml"] - self.report["returns_pretrained"]

    @property
    def difference(self):
        """Of each seed: MAML less pre-training."""
        return self.pairs.mean(1)

    @property
    def interval(self):
        return self.report["low"], self.report["high"]

    @property
    def faults(self):
        return [fault_of_plays(said, found) for said, found in zip(self.reported, self.own, strict=True)]

    @property
    def rows_alike(self):
        """Whether two seeds are said to earn the same on every task."""
        rows = [self.report[f"returns_{kind}"] for kind in KINDS]
        return any(len(np.unique(one, axis=0)) < len(one) for one in rows)

    @property
    def of_other_tasks(self):
        """Whether results lie farther from the means of their tasks than luck explains."""
        return any(fault_of_spread(said, found) == "wider" for said, found in zip(self.reported, self.own, strict=True))

    @property
    def drawn_otherwise(self):
        """Whether what an end pays is not the cube of a uniform number."""
        return any(spread_otherwise(np.cbrt(end), 0, 1) for end in self.report["held_out"]["pays"].T.double().numpy())

    def told_of(self, what):
        """Whether what is reported fits this, and not what was asked for."""
        pairs = zip(self.others[what], self.own, strict=True)
        return any(self.faults) and all(fault_of_plays(said, found) is None for said, found in pairs)

    @property
    def turned(self):
        return is_turned(self.interval, self.pairs)

    @property
    def unpaired(self):
        """Whether the interval is as wide as that of two groups that have nothing in common."""
        return is_unpaired(self.interval, [self.report[f"returns_{kind}"] for kind in KINDS], self.difference)

    @property
    def bill(self):
        """What the number of tasks is, where it is not the right one."""
        spent, said = self.report["scratch_episodes"], self.report["paid_after"]
        saved = max(spent - EPISODES, 1)
        if said == math.ceil(COST / saved):
            return None
        like = {
            "adaptation_free": math.ceil(COST / spent),
            "half_the_training": math.ceil(COST / 2 / saved),
            "too_early": COST // saved,
        }
        names = [name for name, number in like.items() if number == said]
        return names[0] if len(names) == 1 else "other_bill"


def positive(where, value):
    found = finite(where, value)
    if not 0 < found <= 1e4:
        raise refused(where, value, "a number above 0 and at most 10,000")
    return found


def examine(report):
    number, held_out = len(report["seeds"]), report["held_out"]
    if not 1 <= number <= MOST_SEEDS or len(held_out["pays"]) > MOST:
        raise CheckFailed(f"`payoff` may have at most {MOST_SEEDS} seeds and {MOST} held-out tasks.", "shape")
    for kind in KINDS:
        for name, shape in ((kind, (number, CELLS, ARMS)), (f"returns_{kind}", (number, len(held_out["pays"])))):
            found = tuple(report[name].shape)
            if found != shape:
                raise CheckFailed(f'`payoff["{name}"]` has shape {list(found)}; expected is {list(shape)}.', "shape")
    if not 0 <= float(held_out["pays"].min()) <= float(held_out["pays"].max()) <= 1:
        raise CheckFailed('`payoff["held_out"]` holds pays that `sample_tasks` would not draw.', "value")
    if report["scratch_episodes"] <= 0:
        raise refused('`payoff["scratch_episodes"]`', report["scratch_episodes"], "a number above 0")
    sizes = {"maml": report["maml_lr"], "pretrained": report["pretrained_step"]}
    told = [report[f"returns_{kind}"] for kind in KINDS]
    means, own = zip(*(_played(report[kind], held_out, sizes[kind]) for kind in KINDS), strict=True)
    unmoved = [_played(report[kind], held_out, 0.0, 1)[0] for kind in KINDS]
    same = means[0], _played(report["pretrained"], held_out, sizes["maml"])[0]

    def less(others):
        return tuple(said - mean for said, mean in zip(told, others, strict=True))

    others = {"exchanged": less(means[::-1]), "not_adapted": less(unmoved), "tuned_for_one": less(same)}
    played = tuple(one - mean for one, mean in zip(own, means, strict=True))
    return Found(report, less(means), played, others)


def _played(logits, held_out, step_size, often=TWICE):
    """Each task's mean return over several plays, and that of one more, `[seed, task]`."""
    repeated = {"pays": held_out["pays"].repeat(often, 1)}
    many = after_a_step(logits.float(), repeated, step_size, seeded(4242)).unflatten(1, (often, -1)).mean(1)
    return many.double().numpy(), after_a_step(logits.float(), held_out, step_size, seeded(4243)).double().numpy()


@dataclass(frozen=True)
class Again:
    """What came out here: of other step sizes, from scratch, and of one training that was repeated."""

    off: float
    lead_at_test: float
    lead_in_training: float
    episodes: float
    """from scratch, with the rate of the report"""
    sooner: float
    """with half or double the rate, or one that suits; infinite where that is not much sooner"""


def look(found):
    report = found.report
    place = int(abs(report["low"]) * 1e6) % len(report["seeds"])
    seed = [report["seeds"][place]]
    off = []
    for kind, again in (("maml", meta_train(seed, report["maml_lr"])), ("pretrained", pre_train(seed))):
        off.append(float((report[kind][place] - again[0]).norm() / again.norm()))
    own = sample_tasks(150, seeded(8080))

    def earned(logits, size):
        return float(after_a_step(logits, own, size, seeded(8081)).mean())

    step, alpha, mine = report["pretrained_step"], report["maml_lr"], list(range(9100, 9105))
    at_test = [earned(report["pretrained"].float(), factor * step) for factor in (1, 0.25, 0.5, 2, 4)]
    at_test += [earned(report["pretrained"].float(), size) for size in STEPS]
    trained = [earned(meta_train(mine, size), size) for size in (alpha, 0.5 * alpha, 2 * alpha, ALPHA)]
    level, rate = float(report["returns_maml"].mean()), report["scratch_lr"]
    episodes = _episodes_to(level, report["held_out"], rate)
    enough = min(SOONER * episodes, EPISODES * LONG) - 1
    rates = (0.5 * rate, 2 * rate, RATE)
    sooner = min(_episodes_to(level, report["held_out"], other, int(enough / EPISODES)) for other in rates)
    return Again(max(off), max(at_test) - at_test[0], max(trained) - trained[0], episodes, sooner)


def _episodes_to(level, held_out, lr, updates=LONG):
    """Episodes after which tables from scratch earn this much on the average; infinite if that takes more updates."""
    above = (from_scratch(held_out, lr, seeded(8082), updates=updates).mean(0) >= level).nonzero()
    return EPISODES * int(above[0]) if len(above) else math.inf


def near(said, found):
    return math.isfinite(found) and abs(said - found) <= max(40, 0.2 * found)
