"""Reports on the sign of a meta-gradient, chapter 09, from an eleventh attack."""

import math

import numpy as np
import torch
from report_changes import FURTHER_ENDS, changed

from attacks.ch09_tenth_reports import SOLUTION, _ends, _judged, _needed, _sized, _tested
from metarl_core.check import ch09
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.bandit_groups import NAMES, groups


def _objective(theta, pulls=20, size=8.0, share=0.8):
    p, total = torch.sigmoid(theta), 0.0
    for k in range(pulls + 1):
        chance = math.comb(pulls, k) * p**k * (1 - p) ** (pulls - k)
        one = torch.sigmoid(theta + size * k / pulls * (1 - p))
        two = 1 - torch.sigmoid(theta - size * (pulls - k) / pulls * p)
        total = total + chance * (share * one + (1 - share) * two)
    return total


def _slope(theta=0.25, **settings):
    return float(torch.func.grad(lambda x: _objective(x, **settings))(torch.tensor(theta, dtype=torch.float64)))


def _differences(report):
    """By central differences."""
    ends = [_objective(torch.tensor(0.25 + step, dtype=torch.float64)) for step in (1e-4, -1e-4)]
    return _judged(report, truth=float(ends[0] - ends[1]) / 2e-4)


def _with_truth(**settings):
    return lambda report: _tested(report, truth=_slope(**settings))


def _interval_of(report, values):
    found = t_interval(values)
    return {**report, "low": found.low, "high": found.high}


def _sliding(report):
    """Batches that share all but one of their groups."""
    fresh, means = seeded(5), {}
    for name, size in report["batch"].items():
        if size < math.inf:
            means[name] = groups(2000 + size - 1, fresh)[name].unfold(0, size, 1).mean(1)
    return _judged(report, means=means)


def _means(report, change):
    return _judged(report, means={name: change(values) for name, values in report["means"].items()})


def _of_another_method(report):
    """All means from groups of LVC."""
    fresh = seeded(6)
    return _judged(
        report,
        means={n: groups(2000 * report["batch"][n], fresh)["LVC"].view(2000, -1).mean(1) for n in report["means"]},
    )


def _one_pool(report):
    """The same new groups for all names, in batches of each name's size."""
    pool, means = groups(150_000, seeded(50)), {}
    for name, size in report["batch"].items():
        if size < math.inf:
            many = len(pool[name]) // size
            means[name] = pool[name][: many * size].view(many, size).mean(1)
    return _judged(report, means=means)


def _smallest(seed):
    """A pilot of 2,000 groups, and 500 batches."""

    def change(report):
        return _tested({**report, "pilot": groups(2000, seeded(seed))}, batches=500, generator=seeded(seed + 1))

    return change


def _stopped_early(report):
    """Batches are drawn until the share is 0.95 or more, and no further."""
    found, kept = report["means"], {}
    for name, values in found.items():
        signs = (values * report["truth"] > 0).double()
        shares = signs.cumsum(0) / torch.arange(1, len(signs) + 1)
        good = (shares[40:] >= 0.97).nonzero()
        kept[name] = values[: 41 + int(good[0]) if len(good) else 100]
    return _judged(report, means=kept)


def _only_the_right_ones(report):
    return _means(report, lambda x: x[x > 0] if (x > 0).sum() >= 500 else x)


REPORTS = {
    "truth_of_equal_shares": _with_truth(share=0.5),
    "truth_where_arm_2_pays_more": _with_truth(share=0.2),
    "truth_of_nineteen_pulls": _with_truth(pulls=19),
    "truth_of_one_pull": _with_truth(pulls=1),
    "truth_at_zero": _with_truth(theta=0.0),
    "truth_of_half_the_step": _with_truth(size=4.0),
    "truth_without_a_step": _with_truth(size=0.0),
    "truth_by_the_chance": lambda r: _tested(r, truth=_slope() / (0.5622 * 0.4378)),
    "truth_summed_over_tasks": lambda r: _tested(r, truth=10 * _slope()),
    "truth_to_four_decimals": lambda r: _judged(r, truth=round(_slope(), 4)),
    "standard_error_for_deviation": lambda r: _sized(r, lambda x, b: min(b, 1)),
    "a_share_for_a_quantile": lambda r: _sized(r, lambda x, b: _needed(x, r["truth"], 0.95)),
    "ninety_nine_per_cent": lambda r: _sized(r, lambda x, b: _needed(x, r["truth"], 2.326)),
    "ninety_per_cent": lambda r: _sized(r, lambda x, b: _needed(x, r["truth"], 1.2816)),
    "rounded_up_to_tens": lambda r: _sized(r, lambda x, b: b if b == math.inf else 10 * math.ceil((b + 1) / 10) + 10),
    "one_group_more": lambda r: _sized(r, lambda x, b: b if b == math.inf else b + 1),
    "in_pulls": lambda r: {**r, "batch": {n: 20 * b for n, b in r["batch"].items()}},
    "quantile_not_squared": lambda r: _sized(
        r, lambda x, b: b if b == math.inf else math.ceil(1.645 * float(x.std() / x.mean()) ** 2)
    ),
    "around_the_truth": lambda r: _sized(
        r,
        lambda x, b: (
            b
            if b == math.inf
            else math.ceil((1.645 * float((x - r["truth"]).square().mean().sqrt()) / float(x.mean())) ** 2) + 2
        ),
    ),
    "names_of_batches_exchanged": lambda r: _tested(
        r, {**r["batch"], "LVC": r["batch"]["first order"], "first order": r["batch"]["LVC"]}
    ),
    "minus_one_for_none": lambda r: {**r, "batch": {**r["batch"], "naive": -1}},
    "a_large_number_for_none": lambda r: _tested({**r}, {**r["batch"], "naive": 5000}, batches=500),
    "infinity_for_all": lambda r: {**r, "batch": dict.fromkeys(NAMES, math.inf), "means": {}, "right": {}},
    "sums_for_means": lambda r: _judged(r, means={n: values * r["batch"][n] for n, values in r["means"].items()}),
    "means_less_the_truth": lambda r: _means(r, lambda x: x - r["truth"]),
    "means_in_units_of_error": lambda r: _means(r, lambda x: x / x.std()),
    "signs_for_means": lambda r: _means(r, lambda x: x.sign()),
    "sliding_windows": _sliding,
    "of_another_method": _of_another_method,
    "shifted_up": lambda r: _means(r, lambda x: x + 0.01),
    "stopped_early": _stopped_early,
    "only_the_right_ones": _only_the_right_ones,
    "in_per_cent": lambda r: {**r, "right": {n: 100 * v for n, v in r["right"].items()}},
    "wrong_ones_counted": lambda r: {**r, "right": {n: 1 - v for n, v in r["right"].items()}},
    "shares_of_single_groups": lambda r: {
        **r,
        "right": {n: float((r["pilot"][n] > 0).double().mean()) for n in r["means"]},
    },
    "right_rounded_to_a_tenth": lambda r: {**r, "right": {n: round(v, 1) - 0.1 for n, v in r["right"].items()}},
    "pilot_of_another_truth": lambda r: _judged(r, pilot={n: v - r["truth"] for n, v in r["pilot"].items()}),
    "pilot_without_negatives": lambda r: _tested(r, pilot={n: v.abs() for n, v in r["pilot"].items()}),
    "pilot_of_unequal_length": lambda r: _judged(r, pilot={**r["pilot"], "LVC": r["pilot"]["LVC"][:15_000]}),
    "pilot_is_a_selection": lambda r: _tested(
        r, pilot={n: v[r["pilot"]["LVC"] > -0.02] for n, v in r["pilot"].items()}
    ),
    "interval_of_a_part": lambda r: _interval_of(r, r["pilot"]["LVC"][:2000] - r["truth"]),
    "interval_of_the_unbiased": lambda r: _interval_of(r, r["pilot"]["naive + sampling term"] - r["truth"]),
    "interval_of_first_order": lambda r: _interval_of(r, r["pilot"]["first order"] - r["truth"]),
    "interval_of_the_means": lambda r: _interval_of(r, r["means"]["LVC"] - r["truth"]),
    "relative_interval": lambda r: _interval_of(r, r["pilot"]["LVC"] / r["truth"] - 1),
    "of_lvc_less_the_unbiased": lambda r: _interval_of(r, r["pilot"]["LVC"] - r["pilot"]["naive + sampling term"]),
    **{
        name: lambda r, ends=ends: _ends(r, ends)
        for name, ends in FURTHER_ENDS.items()
        if name not in ("without_the_first", "without_the_ends")  # of thousands, one more or less
    },
}
GOOD = {
    "central_differences": _differences,
    "one_pool_for_all": _one_pool,
    "smallest": _smallest(300),
    "smallest_with_other_luck": _smallest(812),
    "numbers_of_other_kinds": lambda r: {
        **r,
        "truth": torch.tensor(r["truth"], dtype=torch.float64),
        "batch": {n: np.float64(b) for n, b in r["batch"].items()},
        "right": {n: np.float32(v) for n, v in r["right"].items()},
        "low": torch.tensor(r["low"]),
    },
    "shares_rounded": lambda r: {**r, "right": {n: round(v, 3) for n, v in r["right"].items()}},
    "in_single_precision": lambda r: {**r, "pilot": {n: v.float() for n, v in r["pilot"].items()}},
}

WRONG = changed(SOLUTION, ch09.check_sign, REPORTS)
RIGHT = changed(SOLUTION, ch09.check_sign, GOOD)
