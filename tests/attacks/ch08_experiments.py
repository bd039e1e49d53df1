"""Answers to an exercise of chapter 08: the report on MAML and tuned pre-training in a maze."""

import math

import numpy as np
import torch
from produced_reports import Late
from scipy import stats

from metarl_core.check import ch08
from metarl_core.evaluation import bootstrap_interval, t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.star_maze import after_a_step, from_scratch, meta_train, pre_train, sample_tasks
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "08_maml_for_rl.py"
MAML, PRE, COST = "returns_maml", "returns_pretrained", 24_000


def _report(change):
    return Late(SOLUTION, "check_payoff", change)


def _difference(report):
    return (torch.as_tensor(report[MAML]).double() - torch.as_tensor(report[PRE]).double()).mean(1)


def _concluded(report, **fields):
    """With other fields, and the interval, the conclusion and the bill that go with them."""
    report = {**report, **fields}
    interval = t_interval(_difference(report))
    said = ch08.NOT_TOLD_APART
    if interval.low > 0 or interval.high < 0:
        said = ch08.MAML_EARNS_MORE if interval.low > 0 else ch08.PRETRAINING_EARNS_MORE
    paid = math.ceil(COST / max(report["scratch_episodes"] - 10, 1))
    return {**report, "low": interval.low, "high": interval.high, "conclusion": said, "paid_after": paid}


def _played(report, luck=44, scratch=True, **fields):
    """With other fields, the returns that go with them, and the episodes from scratch."""
    report = {**report, **fields}
    pairs = ((MAML, "maml", "maml_lr"), (PRE, "pretrained", "pretrained_step"))
    earned = {
        name: after_a_step(report[kind], report["held_out"], report[size], seeded(luck + i))
        for i, (name, kind, size) in enumerate(pairs)
    }
    if scratch:
        curve = from_scratch(report["held_out"], report["scratch_lr"], seeded(luck), updates=90).mean(0)
        above = (curve >= earned[MAML].mean()).nonzero()
        earned["scratch_episodes"] = 10 * int(above[0]) if len(above) else 900
    return _concluded(report, **earned)


def _some(report, keep):
    fields = {name: report[name][keep] for name in ("maml", "pretrained", MAML, PRE)}
    return _concluded(report, seeds=[report["seeds"][i] for i in keep], **fields)


def _few_mazes(report, number):
    return _concluded(
        report,
        held_out={"pays": report["held_out"]["pays"][:number]},
        **{k: report[k][:, :number] for k in (MAML, PRE)},
    )


def _interval(half, shift=0.0):
    """The report with an interval of this half width, a function of the differences of the seeds."""

    def change(report):
        x = _difference(report)
        middle, width = float(x.mean()) + shift, half(x)
        low, high = middle - width, middle + width
        said = ch08.NOT_TOLD_APART
        if low > 0 or high < 0:
            said = ch08.MAML_EARNS_MORE if low > 0 else ch08.PRETRAINING_EARNS_MORE
        return {**report, "low": low, "high": high, "conclusion": said}

    return _report(change)


def _half(x, confidence=0.95):
    return float(stats.t.ppf(0.5 + confidence / 2, len(x) - 1)) * float(x.std()) / len(x) ** 0.5


def _far_apart(report):
    """Pre-training without a step of its own size: the interval lies far from 0."""
    return _played(report, pretrained_step=5.0)


def _turned(report):
    return {**report, "low": -report["high"], "high": -report["low"]}


def _unpaired(report):
    groups = [torch.as_tensor(report[name]).double().mean(1).numpy() for name in (MAML, PRE)]
    width = np.ptp(stats.ttest_ind(*groups).confidence_interval()) / 2
    middle = float(_difference(report).mean())
    return {**report, "low": middle - width, "high": middle + width, "conclusion": ch08.NOT_TOLD_APART}


def _pooled(report):
    every = (torch.as_tensor(report[MAML]) - torch.as_tensor(report[PRE])).flatten().double()
    interval = t_interval(every)
    said = ch08.PRETRAINING_EARNS_MORE if interval.high < 0 else ch08.NOT_TOLD_APART
    return {**report, "low": interval.low, "high": interval.high, "conclusion": said}


def _by_maml_s_step(report):
    """Pre-trained tables are said to take 10, and have taken what MAML takes."""
    returns = after_a_step(report["pretrained"], report["held_out"], report["maml_lr"], seeded(70))
    return _concluded(report, pretrained_step=10.0, **{PRE: returns})


def _best_of_twenty(report):
    plays = torch.stack([after_a_step(report["maml"], report["held_out"], 50.0, seeded(900 + i)) for i in range(20)])
    return _concluded(report, **{MAML: plays.amax(0)})


def _before(report):
    returns = {name: after_a_step(report[kind], report["held_out"], 0.0, seeded(71))
               for name, kind in ((MAML, "maml"), (PRE, "pretrained"))}  # fmt: skip
    return _concluded(report, **returns)


def _told_wrong(report, **fields):
    """The conclusion of a report in which pre-training has a step that is far too small."""
    return {**_far_apart(report), **fields}


def _bootstrap(report):
    found = bootstrap_interval(_difference(report)[:, None].numpy(), np.mean)
    return {**report, "low": found.low, "high": found.high}


def _elsewhere(report, seed):
    return _played(report, held_out=sample_tasks(120, seeded(seed), "test"))


_right = _report(lambda r: r)
_four_seeds = _report(lambda r: _some(r, [0, 1, 2, 3]))
_a_seed_again = _report(lambda r: _some(r, [0, 1, 2, 3, 4, 4]))
_one_table_for_all = _report(lambda r: _played(r, scratch=False, maml=r["maml"][:1].repeat(10, 1, 1)))
_on_training_tasks = _report(lambda r: _played(r, held_out=sample_tasks(200, seeded(31))))
_sixty_mazes = _report(lambda r: _few_mazes(r, 60))
_no_step = _report(_before)
_columns_exchanged = _report(
    lambda r: _concluded(_far_apart(r), **{MAML: _far_apart(r)[PRE], PRE: _far_apart(r)[MAML]})
)
_step_of_maml = _report(_by_maml_s_step)
_lucky = _report(_best_of_twenty)
_a_little_less = _report(lambda r: _concluded(r, **{PRE: r[PRE] - 0.05}))
_other_way_round = _report(_turned)
_two_groups = _report(_unpaired)
_every_pair = _report(_pooled)
_lowest_and_highest = _report(lambda r: {**r, "low": float(_difference(r).min()), "high": float(_difference(r).max())})
_deviation = _interval(lambda x: float(x.std()))
_error = _interval(lambda x: float(x.std()) / len(x) ** 0.5)
_normal = _interval(lambda x: 1.96 * float(x.std()) / len(x) ** 0.5)
_biased = _interval(lambda x: _half(x) * ((len(x) - 1) / len(x)) ** 0.5)
_another_middle = _interval(_half, shift=0.03)
_ninety_percent = _interval(lambda x: _half(x, 0.9))
_eighty_percent = _interval(lambda x: _half(x, 0.8))
_ninety_nine = _interval(lambda x: _half(x, 0.99))
_no_interval = _report(lambda r: {**r, "low": float(_difference(r).mean()), "high": float(_difference(r).mean())})
_a_winner_anyway = _report(lambda r: {**_some(r, [0, 1, 2, 3, 4]), "conclusion": ch08.PRETRAINING_EARNS_MORE})
_too_careful = _report(lambda r: _told_wrong(r, conclusion=ch08.NOT_TOLD_APART))
_wrong_winner = _report(lambda r: _told_wrong(r, conclusion=ch08.PRETRAINING_EARNS_MORE))
_free_of_charge = _report(lambda r: {**r, "paid_after": math.ceil(COST / r["scratch_episodes"])})
_queries_alone = _report(lambda r: {**r, "paid_after": math.ceil(COST / 2 / (r["scratch_episodes"] - 10))})
_rounded_down = _report(lambda r: {**r, "paid_after": COST // (r["scratch_episodes"] - 10)})
_tasks_and_seeds = _report(lambda r: {**r, "paid_after": 10 * r["paid_after"]})
_trained_for_longer = _report(lambda r: _played(r, scratch=False, maml=meta_train(r["seeds"], 50, iterations=120)))
_small_steps = _report(_far_apart)
_small_alpha = _report(lambda r: _played(r, maml_lr=15.0, maml=meta_train(r["seeds"], 15.0)))
_slow_from_scratch = _report(lambda r: _played(r, scratch_lr=0.03))
_updates = _report(lambda r: _concluded(r, scratch_episodes=r["scratch_episodes"] // 10))
_to_the_best_arm = _report(lambda r: _concluded(r, scratch_episodes=2 * r["scratch_episodes"]))


WRONG = [
    (ch08.check_payoff, answer)
    for answer in (
        _lucky,
        _eighty_percent,
        _no_interval,
        _slow_from_scratch,
        _trained_for_longer,
        _rounded_down,
        _report(_bootstrap),
        _report(lambda r: {key: value for key, value in r.items() if key != "scratch_lr"}),
        _report(lambda r: {**r, "p": 0.2}),
        _report(lambda r: {**r, "maml": r["maml"][:, 0]}),
        _report(lambda r: {**r, MAML: r[MAML].mean(1)}),
        _report(lambda r: {**r, "paid_after": r["paid_after"] + 0.5}),
        _report(lambda r: {**r, "scratch_episodes": -5}),
        _report(lambda r: {**r, "pretrained_step": float("inf")}),
        _report(lambda r: {**r, "maml_lr": 0.0}),
        _report(lambda r: {**r, "held_out": r["held_out"]["pays"]}),
        _report(lambda r: {**r, "conclusion": "pre-training wins"}),
        _report(lambda r: _played(r, pretrained_step=400.0)),
        _report(lambda r: _played(r, scratch=False, pretrained=r["maml"])),
        _report(lambda r: _played(r, scratch=False, pretrained=pre_train([s + 50 for s in r["seeds"]]))),
        _report(lambda r: _played(r, maml_lr=400.0, maml=meta_train(r["seeds"], 400.0))),
        _report(lambda r: _concluded(r, scratch_episodes=r["scratch_episodes"] + 150)),
    )
]

RIGHT = [
    (ch08.check_payoff, answer)
    for answer in (
        _right,
        _report(lambda r: _some(r, [1, 3, 4, 6, 8, 9])),
        _report(lambda r: {**r, "low": round(r["low"], 4), "high": round(r["high"], 4)}),
        _report(lambda r: {**r, MAML: r[MAML].tolist(), PRE: r[PRE].numpy(), "seeds": np.array(r["seeds"])}),
        _report(
            lambda r: {
                **r,
                "maml": r["maml"].double(),
                "maml_lr": torch.tensor(50.0),
                "paid_after": np.int32(r["paid_after"]),
            }
        ),
        _report(lambda r: _elsewhere(r, 77)),
        _report(lambda r: _played(r, luck=500)),
        _report(lambda r: _played(r, pretrained_step=65.0, maml_lr=70, maml=meta_train(r["seeds"], 70.0))),
        _report(lambda r: _played(r, scratch_lr=0.15)),
    )
]
