"""Reports on rates of one's own, chapter 06, from a tenth attack."""

import numpy as np
import torch
from report_changes import WRONG_ENDS, changed, row_copied, with_ends

from metarl_core.check import ch06
from metarl_core.evaluation import t_interval
from metarl_core.recipes.own_rates import learn, losses, sample_tasks
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "06_reptile_and_meta_sgd.py"
KINDS = ("own", "one")


def _rates(curvatures, points=10, own=11, noise=0.25):
    steepness = torch.tensor(curvatures, dtype=torch.float64)
    return points / (own * steepness + steepness.sum() + noise)


def _tasks(report, n=1000, seed=None):
    seed = report["evaluation_seed"] if seed is None else seed
    return sample_tasks(report["curvatures"], n, torch.Generator().manual_seed(seed))


def _furthest(report):
    return (report["own"]["rates"].double().mean(0) / torch.as_tensor(report["predicted"]).double() - 1).abs()


def _differences(report):
    one, own = (torch.as_tensor(np.asarray(report[f"losses_{kind}"])).double() for kind in ("one", "own"))
    return (one - own).mean(1)


def _concluded(report, **fields):
    report = {**report, **fields}
    found = t_interval(_differences(report))
    verdict = ch06.OWN_LOWER if found.low > 0 else ch06.ONE_LOWER if found.high < 0 else ch06.NOT_TOLD_APART
    return {**report, "low": found.low, "high": found.high, "conclusion": verdict}


def _measured(report, n=1000, **fields):
    report = {**report, **fields}
    both = {f"losses_{kind}": losses(report[kind], report["curvatures"], _tasks(report, n)) for kind in KINDS}
    return _concluded({**report, "furthest": float(_furthest(report).max())}, **both)


def _run(report, curvatures, seeds, n=1000, **fields):
    pair = {kind: learn(curvatures, list(seeds), kind == "own") for kind in KINDS}
    predicted = _rates(list(curvatures)).tolist()
    return _measured({**report, "curvatures": curvatures, "predicted": predicted, "seeds": seeds, **pair, **fields}, n)


_with_ends = with_ends(_differences)


def _predicted(report, values):
    found = {**report, "predicted": [float(x) for x in values]}
    return {**found, "furthest": float(_furthest(found).max())}


def _over_tasks(report):
    found = t_interval((report["losses_one"] - report["losses_own"]).flatten())
    return {**report, "low": found.low, "high": found.high}


def _unpaired(report):
    one, own = (t_interval(report[f"losses_{kind}"].mean(1)) for kind in ("one", "own"))
    return {**report, "low": one.low - own.high, "high": one.high - own.low}


def _less(kind, iterations):
    return lambda r: _measured(r, **{kind: learn(r["curvatures"], r["seeds"], kind == "own", iterations)})


def _seed_by_seed(report):
    seeds, curvatures = [70, 3, 41, 12, 9], [0.3, 3.0, 0.06, 1.2]
    rows = {kind: [learn(curvatures, [seed], kind == "own") for seed in seeds] for kind in KINDS}
    joined = {kind: {name: torch.cat([row[name] for row in each]) for name in each[0]} for kind, each in rows.items()}
    predicted = [10 / (11 * one + sum(curvatures) + 0.25) for one in curvatures]
    return _measured(
        {**report, "curvatures": curvatures, "predicted": predicted, "seeds": seeds, **joined, "evaluation_seed": 4},
        250,
    )


REPORTS = {
    "one_by_the_curvature": lambda r: _predicted(r, 1 / torch.tensor(r["curvatures"])),
    "noise_forgotten": lambda r: _predicted(r, _rates(r["curvatures"], noise=0.0)),
    "noise_not_squared": lambda r: _predicted(r, _rates(r["curvatures"], noise=0.5)),
    "n_for_n_plus_one": lambda r: _predicted(r, _rates(r["curvatures"], own=10)),
    "other_directions_forgotten": lambda r: _predicted(
        r, 10 / (11 * torch.tensor(r["curvatures"], dtype=torch.float64) + 0.25)
    ),
    "noise_not_divided": lambda r: _predicted(r, _rates(r["curvatures"], noise=2.5)),
    "predicted_is_learned": lambda r: _predicted(r, r["own"]["rates"].double().mean(0)),
    "predicted_of_seed_0": lambda r: _predicted(r, r["own"]["rates"][0]),
    "predicted_sorted": lambda r: _predicted(r, sorted(r["predicted"], reverse=True)),
    "furthest_with_a_sign": lambda r: {
        **r,
        "furthest": float((r["own"]["rates"].double().mean(0) / torch.tensor(r["predicted"]) - 1).min()),
    },
    "mean_distance": lambda r: {**r, "furthest": float(_furthest(r).mean())},
    "in_per_cent": lambda r: {**r, "furthest": 100 * r["furthest"]},
    "furthest_of_all_seeds": lambda r: {
        **r,
        "furthest": float((r["own"]["rates"].double() / torch.tensor(r["predicted"]) - 1).abs().max()),
    },
    "absolute_distance": lambda r: {
        **r,
        "furthest": float((r["own"]["rates"].double().mean(0) - torch.tensor(r["predicted"])).abs().max()),
    },
    "kinds_exchanged": lambda r: {**r, "own": r["one"], "one": r["own"]},
    "losses_exchanged": lambda r: _concluded(r, losses_own=r["losses_one"], losses_one=r["losses_own"]),
    "one_is_the_mean_of_own": lambda r: _measured(
        r, one={"theta": r["own"]["theta"], "rates": r["own"]["rates"].mean(1, keepdim=True)}
    ),
    "a_seed_copied": lambda r: _measured(r, own={n: row_copied(v, 1, 0) for n, v in r["own"].items()}),
    "a_seed_twice": lambda r: _run(r, r["curvatures"], [0, 1, 2, 3, 3]),
    "four_seeds": lambda r: _run(r, r["curvatures"], [0, 1, 2, 3]),
    "evaluated_with_a_training_seed": lambda r: _measured(r, evaluation_seed=3),
    "other_tasks_for_one": lambda r: _concluded(r, losses_one=losses(r["one"], r["curvatures"], _tasks(r, seed=1001))),
    "tasks_of_another_seed": lambda r: {**_measured(r, evaluation_seed=1002), "evaluation_seed": 1000},
    "hundred_tasks": lambda r: _measured(r, 100),
    "rows_rolled": lambda r: _concluded(r, losses_one=r["losses_one"].roll(1, 0)),
    "without_the_noise": lambda r: _concluded(r, **{f"losses_{k}": r[f"losses_{k}"] - 0.125 for k in KINDS}),
    "doubled": lambda r: _concluded(r, **{f"losses_{k}": 2 * r[f"losses_{k}"] for k in KINDS}),
    "outliers_cut_off": lambda r: _concluded(r, **{f"losses_{k}": r[f"losses_{k}"].clamp_max(3) for k in KINDS}),
    "curvatures_too_alike": lambda r: _run(r, [1.0, 0.8, 0.5, 0.25], range(8)),
    "three_curvatures": lambda r: _run(r, [4.0, 1.0, 0.1], range(8)),
    "curvatures_changed_afterwards": lambda r: {
        **r,
        "curvatures": [4.0, 2.0, 1.0, 0.5, 0.25, 0.05],
        "predicted": _rates([4.0, 2.0, 1.0, 0.5, 0.25, 0.05]).tolist(),
    },
    "curvatures_turned_afterwards": lambda r: {
        **r,
        "curvatures": r["curvatures"][::-1],
        "predicted": r["predicted"][::-1],
    },
    "own_less_one": lambda r: {**r, "low": -r["high"], "high": -r["low"]},
    "ends_exchanged": lambda r: {**r, "low": r["high"], "high": r["low"]},
    "not_told_apart": lambda r: {**r, "conclusion": ch06.NOT_TOLD_APART},
    "one_lower": lambda r: {**r, "conclusion": ch06.ONE_LOWER},
    "over_tasks": _over_tasks,
    "unpaired": _unpaired,
    **{name: _with_ends(ends) for name, ends in WRONG_ENDS.items()},
}
GOOD = {
    "seed_by_seed": _seed_by_seed,
    "eight_curvatures": lambda r: _run(
        r, (0.05, 5, 0.2, 1, 2.5, 0.1, 0.7, 4), tuple(range(11, 18)), 400, evaluation_seed=77
    ),
    "twice_the_same_curvature": lambda r: _run(r, [2.0, 2.0, 0.2, 0.2, 1.0], [5, 6, 7, 8, 9, 10], 5000),
    "arrays": lambda r: {
        **r,
        "predicted": np.array(r["predicted"]),
        "losses_own": r["losses_own"].numpy(),
        "losses_one": r["losses_one"].tolist(),
        "furthest": np.float64(r["furthest"]),
    },
    "curvatures_as_a_tensor": lambda r: {
        **r,
        "curvatures": torch.tensor(r["curvatures"]),
        "predicted": torch.tensor(r["predicted"], dtype=torch.float64),
    },
}

NOT_ASKED = {
    "own_trained_for_less": _less("own", 100),
    "one_trained_for_less": _less("one", 40),
    "one_trained_for_half": _less("one", 200),
    "one_is_that_of_the_steepest": lambda r: _measured(
        r, one={"theta": r["own"]["theta"], "rates": r["own"]["rates"].min(1, keepdim=True).values}
    ),
    "seeds_exchanged": lambda r: _measured(r, own={n: v.roll(1, 0) for n, v in r["own"].items()}),
    "other_seeds_for_one": lambda r: _measured(r, one=learn(r["curvatures"], list(range(20, 28)), False)),
    "other_seeds_are_named": lambda r: {**r, "seeds": list(range(50, 58))},
    "as_a_part_of_the_learned": lambda r: {
        **r,
        "furthest": float((torch.tensor(r["predicted"]) / r["own"]["rates"].double().mean(0) - 1).abs().max()),
    },
    "own_are_the_predicted": lambda r: _measured(
        r, own={"theta": r["own"]["theta"], "rates": torch.tensor(r["predicted"]).float().expand(8, -1).clone()}
    ),
    "own_from_zero": lambda r: _measured(
        r, own={"theta": torch.zeros_like(r["own"]["theta"]), "rates": r["own"]["rates"]}
    ),
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch06.check_own_rates, REPORTS)
RIGHT = changed(SOLUTION, ch06.check_own_rates, GOOD)
DOUBTFUL = changed(SOLUTION, ch06.check_own_rates, NOT_ASKED)
