"""Answers to an exercise of chapter 07: the report on five or twenty letters in a training task."""

import itertools

import numpy as np
import torch
from produced_reports import Late
from report_changes import t_half, unpaired_half, with_interval, z_half

from metarl_core.check import ch07
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.training_ways import QUERIES, WAYS, accuracies, episodes, learn
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "07_few_shot_images.py"
KINDS = ("five", "twenty")
FIVE, TWENTY = "accuracies_five", "accuracies_twenty"


def _report(change):
    return Late(SOLUTION, "check_training_ways", change)


def _of_tasks(report):
    return torch.as_tensor(report[TWENTY] - report[FIVE]).double()


def _differences(report):
    return _of_tasks(report).mean(1)


def _says(interval):
    return ch07.TWENTY_HIGHER if interval.low > 0 else ch07.FIVE_HIGHER if interval.high < 0 else ch07.NOT_TOLD_APART


def _pair(report, seed):
    one = t_interval(_of_tasks(report)[report["seeds"].index(seed)])
    return {"pair_seed": seed, "pair_low": one.low, "pair_high": one.high, "pair_conclusion": _says(one)}


def _recomputed(report, **fields):
    """With other fields, and the intervals and the conclusions that go with them."""
    report = {**report, **fields}
    interval, said = t_interval(_differences(report)), [_says(t_interval(row)) for row in _of_tasks(report)]
    return {
        **report,
        "low": interval.low,
        "high": interval.high,
        "conclusion": _says(interval),
        **_pair(report, report["seeds"][0]),
        "pairs_for_twenty": said.count(ch07.TWENTY_HIGHER),
        "pairs_for_five": said.count(ch07.FIVE_HIGHER),
    }


def _interval(half, shift=0.0):
    """The report with an interval of this half width, a function of the differences of the seeds."""
    return _report(lambda report: with_interval(report, _differences(report), half, shift))


def _some(report, keep):
    fields = {name: {key: value[keep] for key, value in report[name].items()} for name in KINDS}
    rows = {name: report[name][keep] for name in (FIVE, TWENTY)}
    return _recomputed(report, seeds=[report["seeds"][i] for i in keep], **fields, **rows)


def _on(report, tasks, evaluation_seed, split="test", told=None):
    images = episodes(tasks, WAYS, QUERIES, seeded(evaluation_seed), split)
    found = {f"accuracies_{kind}": accuracies(report[kind], images) for kind in KINDS}
    return _recomputed(report, evaluation_seed=evaluation_seed if told is None else told, **found)


def _first_for_all(report):
    copies = {name: value[:1].expand_as(value).clone() for name, value in report["twenty"].items()}
    images = episodes(300, WAYS, QUERIES, seeded(report["evaluation_seed"]), "test")
    return _recomputed({**report, "twenty": copies}, **{TWENTY: accuracies(copies, images)})


def _ranked(report):
    """The five seeds whose interval lies highest, on the first tasks where it leaves 0 out: choices that the check
    cannot see."""
    for evaluation_seed in itertools.count(500):
        told = _on(report, np.shape(report[FIVE])[1], evaluation_seed)
        x = _differences(told)
        chosen = max(itertools.combinations(range(len(x)), 5), key=lambda some: t_interval(x[list(some)]).low)
        if t_interval(x[list(chosen)]).low > 0.002:
            return _some(told, list(chosen))


def _half_of_two_groups(report):
    return with_interval(report, _differences(report), lambda x: unpaired_half(report[TWENTY], report[FIVE]))


def _half_of_all(report):
    return with_interval(report, _of_tasks(report), z_half)


def _answers_of_pair(report):
    place = report["seeds"].index(report["pair_seed"])
    shares = [float(torch.as_tensor(report[name][place]).double().mean()) for name in (TWENTY, FIVE)]
    answers = report[FIVE].shape[1] * WAYS * QUERIES
    width = 1.96 * sum(a * (1 - a) / answers for a in shares) ** 0.5
    middle = shares[0] - shares[1]
    return {**report, "pair_low": middle - width, "pair_high": middle + width}


def _means_counted(report):
    x = _differences(report)
    return {**report, "pairs_for_twenty": int((x > 0).sum()), "pairs_for_five": int((x < 0).sum())}


def _ten_letters(report):
    networks = {kind: learn(10, report["seeds"]) for kind in KINDS}
    networks["five"] = {name: value + 1e-5 for name, value in networks["five"].items()}
    return _on({**report, **networks}, 300, report["evaluation_seed"])


def _other_pair(report):
    return {**report, **_pair(report, report["seeds"][3]), "pair_seed": report["seeds"][0]}


_right = _report(lambda report: report)
_four_seeds = _report(lambda r: _some(r, [0, 1, 2, 3]))
_a_seed_again = _report(lambda r: _some(r, [0, 1, 2, 3, 4, 4]))
_one_training_for_all = _report(_first_for_all)
_hundred_tasks = _report(lambda r: _on(r, 100, r["evaluation_seed"]))
_per_cent = _report(lambda r: _recomputed(r, **{FIVE: 100 * r[FIVE], TWENTY: 100 * r[TWENTY]}))
_columns_exchanged = _report(lambda r: _recomputed(r, **{FIVE: r[TWENTY], TWENTY: r[FIVE]}))
_measured_on_training = _report(lambda r: _on(r, 300, r["evaluation_seed"], "train"))
_of_another_seed = _report(lambda r: _on(r, 300, 77, told=r["evaluation_seed"]))
_other_sign = _report(lambda r: {**r, "low": -r["high"], "high": -r["low"]})
_two_groups = _report(_half_of_two_groups)
_lowest_and_highest = _report(
    lambda r: {**r, "low": float(_differences(r).min()), "high": float(_differences(r).max())}
)
_every_task = _report(_half_of_all)
_deviation = _interval(lambda x: float(x.std()))
_error = _interval(lambda x: float(x.std()) / len(x) ** 0.5)
_normal = _interval(lambda x: 1.96 * float(x.std()) / len(x) ** 0.5)
_biased = _interval(lambda x: t_half(x) * ((len(x) - 1) / len(x)) ** 0.5)
_another_middle = _interval(t_half, shift=0.01)
_ninety_percent = _interval(lambda x: t_half(x, 0.9))
_eighty_percent = _interval(lambda x: t_half(x, 0.8))
_ninety_nine = _interval(lambda x: t_half(x, 0.99))
_upside_down = _report(lambda r: {**r, "low": r["high"], "high": r["low"]})
_winner_all_the_same = _report(lambda r: {**r, "conclusion": ch07.TWENTY_HIGHER})
_lucky_seeds_and_doubt = _report(lambda r: {**_ranked(r), "conclusion": ch07.NOT_TOLD_APART})
_lucky_seeds_and_the_loser = _report(lambda r: {**_ranked(r), "conclusion": ch07.FIVE_HIGHER})
_pair_of_all = _report(
    lambda r: {**r, "pair_low": r["low"], "pair_high": r["high"], "pair_conclusion": r["conclusion"]}
)
_pair_of_answers = _report(_answers_of_pair)
_pair_of_another_seed = _report(_other_pair)
_pair_not_told = _report(lambda r: {**_pair_with_a_side(r), "pair_conclusion": ch07.NOT_TOLD_APART})
_higher_means_counted = _report(_means_counted)
_both_of_ten_letters = _report(_ten_letters)


def _pair_with_a_side(report):
    """The pair whose difference is the largest."""
    return {**report, **_pair(report, report["seeds"][int(_differences(report).abs().argmax())])}


def _key(name):
    return _report(lambda report: {key: value for key, value in report.items() if key != name})


def _in_numpy(report):
    """As arrays and tuples, rounded."""
    ends = {name: round(report[name], 5) for name in ("low", "high", "pair_low", "pair_high")}
    return {
        **report,
        "seeds": tuple(report["seeds"]),
        FIVE: report[FIVE].numpy(),
        TWENTY: report[TWENTY].numpy().astype(float).tolist(),
        "pairs_for_five": np.int64(report["pairs_for_five"]),
        **ends,
    }


def _in_double(report):
    """Parameters in double precision."""
    return {**report, **{kind: {n: v.double() for n, v in report[kind].items()} for kind in KINDS}}


def _normal_over_tasks(report):
    """An interval over 300 tasks with 1.96 in place of Student's 1.968."""
    row = _of_tasks(report)[0]
    half = 1.96 * float(row.std()) / len(row) ** 0.5
    return {**report, "pair_low": float(row.mean()) - half, "pair_high": float(row.mean()) + half}


WRONG = [
    (ch07.check_training_ways, answer)
    for answer in (
        _key("seeds"),
        _key("pair_seed"),
        _report(lambda r: {**r, "p_value": 0.01}),
        _report(lambda r: {**r, "seeds": []}),
        _report(lambda r: {**r, "seeds": [seed + 50 for seed in r["seeds"]], "pair_seed": 50}),
        _report(lambda r: {**r, "pair_seed": 1234}),
        _report(lambda r: {**r, "evaluation_seed": -1}),
        _report(lambda r: {**r, "evaluation_seed": 2}),
        _report(lambda r: {**r, "evaluation_seed": "1"}),
        _report(lambda r: {**r, "five": {n: v[:3] for n, v in r["five"].items()}}),
        _report(lambda r: {**r, "five": dict(list(r["five"].items())[:2])}),
        _report(lambda r: {**r, FIVE: r[FIVE].mean(1)}),
        _report(lambda r: {**r, FIVE: r[FIVE][:, :250]}),
        _report(lambda r: {**r, FIVE: r[FIVE][:4]}),
        _report(lambda r: {**r, "conclusion": "twenty"}),
        _report(lambda r: {**r, "conclusion": ch07.FIVE_HIGHER}),
        _report(lambda r: _recomputed(r, **{TWENTY: (r[TWENTY] + 0.02).clamp(max=1)})),
        _report(lambda r: _recomputed(r, **{FIVE: r[FIVE].flip(0)})),
        _report(lambda r: {**r, "pairs_for_five": 0}),
        _report(lambda r: {**r, "pairs_for_twenty": r["pairs_for_five"], "pairs_for_five": r["pairs_for_twenty"]}),
        _report(lambda r: {**r, "pair_low": -r["pair_high"], "pair_high": -r["pair_low"]}),
        _report(lambda r: {**r, "low": float("nan")}),
        _report(lambda r: _recomputed(r, five=r["twenty"], **{FIVE: r[TWENTY]})),
    )
]
RIGHT = [
    (ch07.check_training_ways, answer)
    for answer in (
        _right,
        _report(_in_numpy),
        _report(_in_double),
        _report(_normal_over_tasks),
        _report(lambda r: _some(r, [0, 2, 4, 5, 7])),
        _report(lambda r: _on(r, 200, 9)),
        _report(lambda r: {**dict(reversed(r.items())), **_pair(r, r["seeds"][4])}),
        _report(_ranked),
    )
]
