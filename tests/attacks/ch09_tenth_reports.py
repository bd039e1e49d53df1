"""Reports on the sign of a meta-gradient, chapter 09, from a tenth attack."""

import math

import numpy as np
import torch
from report_changes import changed, one_error, one_sided, percentiles

from metarl_core.check import ch09
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.bandit_groups import NAMES, groups
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "09_meta_policy_gradient.py"


def _needed(values, truth, quantile=1.645):
    mean, spread = float(values.mean()), float(values.std())
    return math.ceil((quantile * spread / mean) ** 2) if mean * truth > 0 else math.inf


def _judged(report, **fields):
    """The report with what follows from truth and pilot about LVC, and from the means about signs."""
    report = {**report, **fields}
    truth = report["truth"]
    found = t_interval(torch.as_tensor(np.asarray(report["pilot"]["LVC"])).double() - truth)
    verdict = ch09.LVC_TOO_HIGH if found.low > 0 else ch09.LVC_TOO_LOW if found.high < 0 else ch09.NO_BIAS_SEEN
    right = {
        name: float((torch.as_tensor(np.asarray(values)).double() * truth > 0).double().mean())
        for name, values in report["means"].items()
    }
    return {**report, "low": found.low, "high": found.high, "conclusion": verdict, "right": right}


def _tested(report, batch=None, batches=2000, generator=None, **fields):
    report = {**report, **fields}
    batch = {name: _needed(report["pilot"][name], report["truth"]) for name in NAMES} if batch is None else batch
    fresh, means = generator or seeded(1), {}
    for name, size in batch.items():
        if size < math.inf:
            means[name] = groups(batches * size, fresh)[name].view(batches, size).mean(1)
    return _judged(report, batch=batch, means=means)


def _means(report, name, values):
    return _judged(report, means={**report["means"], name: values})


def _sized(report, change):
    """Other numbers of groups, and a true test of them."""
    return _tested(report, {name: change(report["pilot"][name], report["batch"][name]) for name in NAMES})


def _ends(report, ends):
    low, high = ends((report["pilot"]["LVC"] - report["truth"]).numpy())
    return {**report, "low": low, "high": high}


def _from_the_pilot(report):
    """Batches drawn from the pilot, again and again."""
    generator, means = seeded(3), {}
    for name, size in report["batch"].items():
        if size < math.inf:
            pilot = report["pilot"][name]
            means[name] = pilot[torch.randint(len(pilot), (2000, size), generator=generator)].mean(1)
    return _judged(report, means=means)


def _normal_means(report):
    """Means drawn from the normal distribution that was assumed."""
    means = {}
    for name, size in report["batch"].items():
        if size < math.inf:
            pilot = report["pilot"][name]
            luck = torch.randn(2000, generator=seeded(4), dtype=torch.float64)
            means[name] = pilot.mean() + pilot.std() / size**0.5 * luck
    return _judged(report, means=means)


def _cut_off(report):
    low, high = torch.quantile(report["pilot"]["LVC"], torch.tensor([0.01, 0.99], dtype=torch.float64))
    return _judged(report, pilot={**report["pilot"], "LVC": report["pilot"]["LVC"].clamp(low, high)})


def _by_hand(report):
    """By numpy, a list of lists and a loop, from other seeds, with a pilot of 5,000 and 500 batches."""
    pilot = {name: values.numpy() for name, values in groups(5_000, seeded(11)).items()}
    batch, means, fresh = {}, {}, seeded(12)
    for name in NAMES:
        mean, spread = pilot[name].mean(), pilot[name].std(ddof=1)
        batch[name] = math.inf if mean * report["truth"] <= 0 else int(np.ceil((1.645 * spread / mean) ** 2))
        if batch[name] < math.inf:
            means[name] = [float(groups(batch[name], fresh)[name].mean()) for _ in range(500)]
    return _judged(report, pilot=pilot, batch=batch, means=means)


def _one_generator(report):
    generator = seeded(99)
    found = {**report, "pilot": groups(10_000, generator)}
    return _tested(found, batches=1000, generator=generator)


REPORTS = {
    "truth_by_drawing": lambda r: _tested(r, truth=float(groups(200_000, seeded(5))["naive + sampling term"].mean())),
    "truth_is_the_mean_of_lvc": lambda r: _tested(r, truth=float(r["pilot"]["LVC"].mean())),
    "truth_rounded": lambda r: _judged(r, truth=round(r["truth"], 3)),
    "truth_of_the_other_sign": lambda r: _tested(r, truth=-r["truth"]),
    "truth_of_first_order": lambda r: _judged(r, truth=float(r["pilot"]["first order"].mean())),
    "pilot_names_exchanged": lambda r: _tested(
        r, pilot={**r["pilot"], "LVC": r["pilot"]["naive"], "naive": r["pilot"]["LVC"]}
    ),
    "thousand_groups": lambda r: _tested(r, pilot={name: values[:1000] for name, values in r["pilot"].items()}),
    "groups_four_times": lambda r: _judged(
        r, pilot={name: values[:5000].repeat(4) for name, values in r["pilot"].items()}
    ),
    "outliers_cut_off": _cut_off,
    "pilot_of_normal_numbers": lambda r: _judged(
        r,
        pilot={
            **r["pilot"],
            "LVC": r["pilot"]["LVC"].mean()
            + r["pilot"]["LVC"].std() * torch.randn(20_000, generator=seeded(8), dtype=torch.float64),
        },
    ),
    "mean_without_the_truth": lambda r: {**r, "low": r["low"] + r["truth"], "high": r["high"] + r["truth"]},
    "truth_less_lvc": lambda r: {**r, "low": -r["high"], "high": -r["low"]},
    "interval_of_naive": lambda r: {
        **r,
        **dict(
            zip(
                ("low", "high"),
                [getattr(t_interval(r["pilot"]["naive"] - r["truth"]), e) for e in ("low", "high")],
                strict=True,
            )
        ),
    },
    "one_sided": lambda r: _ends(r, one_sided),
    "one_standard_error": lambda r: _ends(r, one_error),
    "percentiles": lambda r: _ends(r, percentiles),
    "deviation_for_error": lambda r: {
        **r,
        "low": float(r["pilot"]["LVC"].mean() - r["pilot"]["LVC"].std() - r["truth"]),
        "high": float(r["pilot"]["LVC"].mean() + r["pilot"]["LVC"].std() - r["truth"]),
    },
    "too_low": lambda r: {
        **r,
        "conclusion": ch09.NO_BIAS_SEEN if r["conclusion"] == ch09.LVC_TOO_LOW else ch09.LVC_TOO_LOW,
    },
    "too_high": lambda r: {
        **r,
        "conclusion": ch09.NO_BIAS_SEEN if r["conclusion"] == ch09.LVC_TOO_HIGH else ch09.LVC_TOO_HIGH,
    },
    "two_sided_quantile": lambda r: _sized(r, lambda x, b: _needed(x, r["truth"], 1.96)),
    "quantile_forgotten": lambda r: _sized(r, lambda x, b: _needed(x, r["truth"], 1.0)),
    "not_squared": lambda r: _sized(
        r, lambda x, b: b if b == math.inf else math.ceil(1.645 * float(x.std()) / abs(float(x.mean())))
    ),
    "variance_for_deviation": lambda r: _sized(
        r, lambda x, b: b if b == math.inf else math.ceil((1.645 * float(x.var()) / float(x.mean())) ** 2)
    ),
    "rounded_down": lambda r: _sized(r, lambda x, b: b if b == math.inf else b - 1),
    "mean_is_the_truth": lambda r: _sized(
        r, lambda x, b: b if b == math.inf else math.ceil((1.645 * float(x.std()) / r["truth"]) ** 2)
    ),
    "a_number_for_all": lambda r: _sized(r, lambda x, b: math.ceil((1.645 * float(x.std()) / float(x.mean())) ** 2)),
    "infinity_for_lvc": lambda r: {
        **r,
        "batch": {**r["batch"], "LVC": math.inf},
        "means": {n: v for n, v in r["means"].items() if n != "LVC"},
        "right": {n: v for n, v in r["right"].items() if n != "LVC"},
    },
    "stale_after_a_new_pilot": lambda r: _judged(r, pilot=groups(20_000, seeded(50))),
    "signs_of_groups": lambda r: _judged(r, means={n: r["pilot"][n][:2000] for n in r["means"]}),
    "half_the_batch": lambda r: {
        **_tested(r, {n: b if b == math.inf else b // 2 for n, b in r["batch"].items()}),
        "batch": r["batch"],
    },
    "four_times_the_batch": lambda r: {
        **_tested(r, {n: 4 * b for n, b in r["batch"].items()}, 600),
        "batch": r["batch"],
    },
    "hundred_batches": lambda r: _tested(r, batches=100),
    "batches_twice": lambda r: _judged(r, means={n: v[:1000].repeat(2) for n, v in r["means"].items()}),
    "the_pilots_own_groups": lambda r: _tested(r, pilot=groups(20_000, seeded(0)), generator=seeded(0)),
    "means_exchanged": lambda r: (
        _judged(r, means={**r["means"], "LVC": r["means"]["first order"], "first order": r["means"]["LVC"]})
        if "first order" in r["means"]
        else _means(r, "LVC", r["means"]["naive + sampling term"])
    ),
    "means_absolute": lambda r: _judged(r, means={n: v.abs() for n, v in r["means"].items()}),
    "wrong_shares": lambda r: {**r, "right": {n: 1 - v for n, v in r["right"].items()}},
    "counts_for_shares": lambda r: {**r, "right": {n: 2000 * v for n, v in r["right"].items()}},
}
GOOD = {
    "by_hand": _by_hand,
    "one_generator": _one_generator,
    "arrays": lambda r: {
        **r,
        "pilot": {n: v.numpy() for n, v in r["pilot"].items()},
        "means": {n: v.tolist() for n, v in r["means"].items()},
        "truth": np.float64(r["truth"]),
    },
    "names_in_another_order": lambda r: {
        **r,
        **{field: dict(reversed(list(r[field].items()))) for field in ("pilot", "batch", "means", "right")},
    },
    "truth_to_six_decimals": lambda r: _judged(r, truth=round(r["truth"], 6)),
    "large_pilot": lambda r: _tested(r, pilot=groups(100_000, seeded(70)), generator=seeded(71)),
}

NOT_ASKED = {
    "from_the_pilot": _from_the_pilot,
    "normal_means": _normal_means,
    "as_predicted": lambda r: {**r, "right": dict.fromkeys(r["right"], 0.95)},
    "shares_exchanged": lambda r: {
        **r,
        "right": dict(zip(r["right"], list(r["right"].values())[1:] + list(r["right"].values())[:1], strict=True)),
    },
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch09.check_sign, REPORTS)
RIGHT = changed(SOLUTION, ch09.check_sign, GOOD)
DOUBTFUL = changed(SOLUTION, ch09.check_sign, NOT_ASKED)
