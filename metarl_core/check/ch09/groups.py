"""What is seen of a report on signs of meta-gradients: all groups of the bandit enumerated, in numpy."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import spatial, stats
from torch import Tensor

from metarl_core.check import CheckFailed
from metarl_core.check.reports import interval_fault, number
from metarl_core.check.reports.fields import dense, parts, refused
from metarl_core.recipes.bandit_groups import NAMES, PULLS, SHARE, STEP_SIZE, THETA, estimates

FEWEST, FEWEST_BATCHES, MOST = 2_000, 500, 200_000
"""groups of a pilot; batches of each estimator; of either at the most"""
OURS = 20_000
"""batches of the check"""
EXACT = 2e-3
"""how far a number of groups may be off, as a part of it, before it is rounded up"""
LEVEL = 1.645
"""standard deviations that leave a twentieth on one side"""


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _objective(theta, share=SHARE, mean_step=False):
    """F_N, or F of the mean step, by enumeration."""
    p, k = _sigmoid(theta), np.arange(PULLS + 1)
    chance = stats.binom.pmf(k, PULLS, p)
    total = 0.0
    for weight, paid, score, sign in ((share, k, 1 - p, 1), (1 - share, PULLS - k, -p, -1)):
        step = STEP_SIZE * score * paid / PULLS
        outcome = _sigmoid(sign * (theta + (chance @ step if mean_step else step)))
        total += weight * (outcome if mean_step else chance @ outcome)
    return total


def _slope(**options):
    return (_objective(THETA + 1e-5, **options) - _objective(THETA - 1e-5, **options)) / 2e-5


TRUTH = _slope()
OTHER_TRUTHS = {"mean_step": _slope(mean_step=True), "one_task": _slope(share=1.0)}
CHANCE = np.outer([SHARE, 1 - SHARE], stats.binom.pmf(np.arange(PULLS + 1), PULLS, _sigmoid(THETA))).ravel()
VALUES = {name: value.numpy().ravel() for name, value in estimates().items()}
MEAN = {name: float(CHANCE @ value) for name, value in VALUES.items()}
SPREAD = {name: math.sqrt(CHANCE @ (value - MEAN[name]) ** 2) for name, value in VALUES.items()}


def by_name(read, needed=NAMES):
    """A dictionary by estimator; without `needed`, of some of them."""

    def reads(where, value):
        if not isinstance(value, dict) or not set(value) <= set(NAMES) or (needed and set(value) != set(needed)):
            raise refused(where, value, "a dict with the keys " + ", ".join(map(repr, NAMES)))
        return {name: read(f"{where}[{name!r}]", value[name]) for name in NAMES if name in value}

    return reads


def many(where, value):
    """Finite numbers `[n]`."""
    wanted = f"a list, a tensor or an array of 1 to {MOST:,} finite numbers"
    found = value
    if isinstance(value, Tensor) and dense(value) and not value.is_complex():
        found = value.detach().cpu().double().numpy()
    elif isinstance(value, (list, tuple)):
        found = np.array([number(f"an entry of {where}", part) for part in parts(where, value, wanted, MOST)])
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iuf" or found.ndim != 1:
        raise refused(where, value, wanted)
    if not 1 <= len(found) <= MOST or not np.isfinite(found).all():
        raise refused(where, value, wanted)
    return found.astype(float)


def batch(where, value):
    found = number(where, value, "a number of groups, or math.inf")
    if found < 1:
        raise refused(where, value, "a number of groups from 1 on, or math.inf")
    return found


@dataclass(frozen=True)
class Found:
    """What the report says."""

    report: dict

    @property
    def off(self):
        """LVC's estimates less the truth, of each group."""
        return self.report["pilot"]["LVC"] - self.report["truth"]

    @property
    def interval(self):
        return self.report["low"], self.report["high"]

    @property
    def fault_of_truth(self):
        said = self.report["truth"]
        if abs(said - TRUTH) < 1e-6:
            return None
        others = {**OTHER_TRUTHS, "one_road": MEAN["naive"]}
        others["sampled"] = float(self.report["pilot"]["naive + sampling term"].mean())
        return next((name for name, value in others.items() if abs(said - value) < 1e-6), "truth_off")

    @property
    def rows(self):
        """Which group each column of the pilot comes from; None where there is no such group."""
        table = np.stack([VALUES[name] for name in NAMES], 1)
        found = np.stack([self.report["pilot"][name] for name in NAMES], 1)
        rows = spatial.cKDTree(table).query(found)[1]  # the next one: a pilot may be in single precision
        return rows if np.abs(table[rows] - found).max() < 1e-6 else None

    @property
    def frequencies(self):
        """Whether the groups of the pilot come as often as they should, but for one time in a billion."""
        counts = np.bincount(self.rows, minlength=len(CHANCE))
        expected = CHANCE * counts.sum()
        rare = expected < 5
        pairs = [*zip(counts[~rare], expected[~rare], strict=True), (counts[rare].sum(), expected[rare].sum())]
        statistic = sum((seen - wanted) ** 2 / max(wanted, 1) for seen, wanted in pairs)
        return stats.chi2.sf(statistic, len(pairs) - 1) > 1e-9

    def interval_of(self, values):
        return interval_fault(*self.interval, self.off) is not None and interval_fault(*self.interval, values) is None

    @property
    def of_another(self):
        return any(
            self.interval_of(sign * (values - truth))
            for name, values in self.report["pilot"].items()
            for sign, truth in ((1, self.report["truth"]), (-1, self.report["truth"]))
            if (name, sign) != ("LVC", 1)
        )

    def needed(self, name, power=2.0, level=LEVEL, mean=None):
        """Groups by the pilot, where its mean has the sign of the truth."""
        values = self.report["pilot"][name]
        mean = values.mean() if mean is None else mean
        if mean * self.report["truth"] <= 0:
            return math.inf
        return (level * values.std(ddof=1) / abs(mean)) ** power

    def batches_are(self, **options):
        """Whether all batches differ from those that are needed, and are those by another rule."""
        said = self.report["batch"]
        pairs = [(said[name], self.needed(name, **options)) for name in NAMES if math.isfinite(self.needed(name))]
        return bool(self.wrong_batches) and all(_alike(*pair) for pair in pairs)

    @property
    def wrong_batches(self):
        return [name for name in NAMES if not _is_next(self.report["batch"][name], self.needed(name))]

    @property
    def others(self):
        """Estimators whose batch means are not those of fresh batches of that size."""
        found = []
        for name, means in self.report["means"].items():
            error = SPREAD[name] / math.sqrt(self.report["batch"][name])
            far = abs(means.mean() - MEAN[name]) / error * math.sqrt(len(means)) > 6
            wide = abs(means.var() / error**2 - 1) > 8 / math.sqrt(len(means)) + 0.02
            found += [name] if far or wide or self.other_signs(name) else []
        return found

    def other_signs(self, name):
        """Whether more or fewer means have the sign of the truth than of as many groups that are drawn here."""
        means, size = self.report["means"][name], math.ceil(self.report["batch"][name])
        counts = np.random.default_rng(0).multinomial(size, CHANCE / CHANCE.sum(), OURS)
        shares = [float((values * TRUTH > 0).mean()) for values in (means, counts @ VALUES[name])]
        chance = min(max(shares[1], 1 / OURS), 1 - 1 / OURS)
        return abs(shares[0] - shares[1]) > 6 * math.sqrt(chance * (1 - chance) * (1 / len(means) + 1 / OURS))

    @property
    def reused(self):
        """Whether batches are pieces of the pilot."""
        for name, means in self.report["means"].items():
            size, pilot = math.ceil(self.report["batch"][name]), self.report["pilot"][name]
            pieces = pilot[: len(pilot) // size * size].reshape(-1, size).mean(1)
            both = min(len(pieces), len(means))
            if both >= 10 and np.isclose(pieces[:both], means[:both], rtol=0, atol=1e-10).mean() > 0.5:
                return True
        return False

    @property
    def repeated(self):
        """Whether the first ten batches of an estimator come again further on, all ten in their order."""
        for means in self.report["means"].values():
            windows = np.lib.stride_tricks.sliding_window_view(means, 10)
            if len(np.unique(means[:10])) > 5 and bool((windows[1:] == windows[0]).all(1).any()):
                return True
        return False

    def shares(self, wrong=False):
        """Of batches whose mean has the sign of the truth, or has not."""
        right = {name: float((means * TRUTH > 0).mean()) for name, means in self.report["means"].items()}
        return {name: 1 - share if wrong else share for name, share in right.items()}

    def says(self, shares):
        return all(abs(self.report["right"][name] - share) < 2e-3 for name, share in shares.items())


def _alike(said, wanted):
    if math.isinf(said) or math.isinf(wanted):
        return said == wanted
    return abs(said - wanted) <= 1 + 0.02 * wanted


def _is_next(said, wanted):
    """Whether `said` is the next whole number, up to a deviation with n for n - 1, or another digit of 1.645."""
    return _alike(said, wanted) if math.isinf(wanted) else (1 - EXACT) * wanted <= said <= (1 + EXACT) * wanted + 1


def examine(report):
    if len({len(values) for values in report["pilot"].values()}) > 1:
        raise CheckFailed('`sign["pilot"]` should hold as many groups of each estimator.', "shape")
    finite = [name for name in NAMES if math.isfinite(report["batch"][name])]
    for field in ("means", "right"):
        if list(report[field]) != finite:
            words = "should have an entry for each estimator whose number of groups is finite, and no other."
            raise CheckFailed(f'`sign["{field}"]` {words}', "shape")
    return Found(report)
