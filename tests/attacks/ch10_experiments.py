"""Answers to an exercise of chapter 10: the report on starts at goals that were never one."""

import numpy as np
import torch
from produced_reports import Late
from scipy import stats

from metarl_core.check import ch10
from metarl_core.evaluation import bootstrap_interval, t_interval
from metarl_core.randomness import seeded
from metarl_core.recipes.goal_cells import earned, meta_train
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "10_meta_learning_a_dqn.py"
SPLITS = ("scattered", "sides")


def _report(change):
    return Late(SOLUTION, "check_transfer", change)


def _leads(report, split, age="new"):
    said = report["rewards"][f"{split}, {age}"]
    return torch.as_tensor(said["trained"]).double() - torch.as_tensor(said["fresh"]).double()


def _said(interval):
    return ch10.HELPS if interval[0] > 0 else ch10.HURTS if interval[1] < 0 else ch10.NOT_TOLD_APART


def _concluded(report, intervals=None, **fields):
    """With other fields, and what follows from them; `intervals` gives other ends, by split."""
    report = {**report, **fields}
    for split in SPLITS:
        ends = (intervals or {}).get(split)
        if ends is None:
            found = t_interval(_leads(report, split).mean(1))
            ends = found.low, found.high
        report |= {f"low_{split}": ends[0], f"high_{split}": ends[1], f"conclusion_{split}": _said(ends)}
    said = tuple(report[f"conclusion_{split}"] for split in SPLITS)
    verdicts = {(ch10.HELPS, ch10.HURTS): ch10.WHERE_GOALS_LAY, (ch10.HURTS, ch10.HURTS): ch10.NEVER_A_GOAL}
    return {**report, "verdict": verdicts.get(said, ch10.NOT_DECIDED)}


def _played(report, luck=60, **fields):
    """With other goals or starts, and the rewards that go with them."""
    report = {**report, **fields}
    rewards = {}
    for number, split in enumerate(SPLITS):
        old, start = report[f"goals_{split}"], report[f"starts_{split}"]
        new = [cell for cell in range(36) if cell not in old]
        for age, goals in (("old", old), ("new", new)):
            rewards[f"{split}, {age}"] = {
                "trained": earned(start, goals, seeded(luck + number)),
                "fresh": earned(torch.zeros_like(start), goals, seeded(luck + number)),
            }
    return _concluded(report, rewards=rewards)


def _some(report, keep):
    rewards = {
        place: {start: values[keep] for start, values in both.items()} for place, both in report["rewards"].items()
    }
    starts = {f"starts_{split}": report[f"starts_{split}"][keep] for split in SPLITS}
    return _concluded(report, seeds=[report["seeds"][i] for i in keep], rewards=rewards, **starts)


def _changed(report, place, start, change):
    """With rewards of one place and start changed."""
    rewards = {name: dict(both) for name, both in report["rewards"].items()}
    rewards[place][start] = change(rewards[place][start])
    return _concluded(report, rewards=rewards)


def _exchanged(report, one, other):
    """With places renamed, or starts."""

    def name(text):
        return text.replace(one, "?").replace(other, one).replace("?", other)

    return _concluded(
        report,
        rewards={name(p): {name(s): v for s, v in both.items()} for p, both in report["rewards"].items()},
    )


def _ends(half, shift=0.0, split="sides"):
    """The report with an interval of this half width in one split, a function of the leads of the seeds."""

    def change(report):
        x = _leads(report, split).mean(1)
        middle, width = float(x.mean()) + shift, half(x)
        return _concluded(report, {split: (middle - width, middle + width)})

    return _report(change)


def _half(x, confidence=0.95):
    return float(stats.t.ppf(0.5 + confidence / 2, len(x) - 1)) * float(x.std()) / len(x) ** 0.5


def _of(report, split, leads):
    found = t_interval(leads)
    return _concluded(report, {split: (found.low, found.high)})


def _lucky(report):
    start = report["starts_sides"]
    new = [cell for cell in range(36) if cell not in report["goals_sides"]]
    plays = [earned(start, new, seeded(300 + k)) for k in range(10)]
    return _changed(report, "sides, new", "trained", lambda _: torch.stack(plays).amax(0))


def _bootstrap(report):
    found = bootstrap_interval(_leads(report, "sides").mean(1)[:, None].numpy(), np.mean)
    return _concluded(report, {"sides": (found.low, found.high)})


def _nearly_nothing(report):
    """Rewards of fresh tables on the other side moved by less than luck would show, so that nothing is told apart."""
    x = _leads(report, "sides")
    wave = torch.tensor([(-1.0) ** i for i in range(len(x))]).double()[:, None]

    def change(fresh):
        return torch.as_tensor(fresh).double() + 0.75 * x.mean(1, keepdim=True).mean() + 0.02 * wave

    return _changed(report, "sides, new", "fresh", change)


RIGHT_HALF = [cell for cell in range(36) if cell % 6 >= 3]
CHESSBOARD = [cell for cell in range(36) if (cell // 6 + cell % 6) % 2]

_right = _report(lambda r: r)
_four_seeds = _report(lambda r: _some(r, [0, 1, 2, 3]))
_a_seed_again = _report(lambda r: _some(r, [0, 1, 2, 3, 4, 4]))
_one_start_for_all = _report(lambda r: _played(r, starts_sides=r["starts_sides"][:1].repeat(8, 1, 1)))
_first_eighteen = _report(lambda r: {**r, "goals_sides": list(range(3, 21))})
_another_half = _report(lambda r: {**r, "goals_scattered": RIGHT_HALF})
_starts_exchanged = _report(lambda r: _exchanged(r, "trained", "fresh"))
_places_exchanged = _report(lambda r: _exchanged(r, "old", "new"))
_best_of_ten = _report(_lucky)
_sums_of_less = _report(lambda r: _changed(r, "scattered, old", "fresh", lambda x: x - 0.1))
_other_way_round = _report(lambda r: _of(r, "scattered", -_leads(r, "scattered").mean(1)))
_at_old_goals = _report(lambda r: _of(r, "sides", _leads(r, "sides", "old").mean(1)))
_every_goal = _report(lambda r: _of(r, "sides", _leads(r, "sides").flatten()))
_lowest_and_highest = _report(
    lambda r: _concluded(
        r, {"sides": (float(_leads(r, "sides").mean(1).min()), float(_leads(r, "sides").mean(1).max()))}
    )
)
_deviation = _ends(lambda x: float(x.std()))
_error = _ends(lambda x: float(x.std()) / len(x) ** 0.5)
_normal = _ends(lambda x: 1.96 * float(x.std()) / len(x) ** 0.5, split="scattered")
_biased = _ends(lambda x: _half(x) * ((len(x) - 1) / len(x)) ** 0.5)
_another_middle = _ends(_half, shift=0.015)
_ninety_percent = _ends(lambda x: _half(x, 0.9))
_eighty_percent = _ends(lambda x: _half(x, 0.8), split="scattered")
_ninety_nine = _ends(lambda x: _half(x, 0.99))
_no_interval = _ends(lambda x: 0.0)
_a_winner_anyway = _report(lambda r: {**_nearly_nothing(r), "conclusion_sides": ch10.HURTS})
_too_careful = _report(lambda r: {**r, "conclusion_sides": ch10.NOT_TOLD_APART})
_wrong_winner = _report(lambda r: {**r, "conclusion_sides": ch10.HELPS})
_as_suspected = _report(lambda r: {**r, "verdict": ch10.NEVER_A_GOAL})
_bold = _report(lambda r: {**_nearly_nothing(r), "verdict": ch10.WHERE_GOALS_LAY})
_no_verdict = _report(lambda r: {**r, "verdict": ch10.NOT_DECIDED})
_hardly_trained = _report(
    lambda r: _played(
        r, **{f"starts_{split}": meta_train(r["seeds"], r[f"goals_{split}"], iterations=8) for split in SPLITS}
    )
)


def _on_all_goals(report):
    """Trained on every cell: no goal is new."""
    starts = meta_train(report["seeds"], list(range(36)))
    return _played(report, starts_scattered=starts, starts_sides=starts)


WRONG = [
    (ch10.check_transfer, answer)
    for answer in (
        _on_all_goals,
        _best_of_ten,
        _eighty_percent,
        _no_interval,
        _as_suspected,
        _no_verdict,
        _bootstrap,
        lambda r: {key: value for key, value in r.items() if key != "low_sides"},
        lambda r: {**r, "p": 0.01},
        lambda r: {**r, "starts_sides": r["starts_sides"].argmax(-1).float()},
        lambda r: {**r, "goals_scattered": r["goals_scattered"][:17]},
        lambda r: {**r, "goals_scattered": [r["goals_scattered"][0], *r["goals_scattered"][:17]]},
        lambda r: {**r, "goals_sides": [cell + 36 for cell in r["goals_sides"]]},
        lambda r: {**r, "rewards": {"old": 0, "new": 1}},
        lambda r: {**r, "rewards": {place: both["trained"] for place, both in r["rewards"].items()}},
        lambda r: {**r, "rewards": {p: {k: v.mean(1) for k, v in both.items()} for p, both in r["rewards"].items()}},
        lambda r: {**r, "verdict": "it was the goals"},
        lambda r: {**r, "low_sides": float("nan")},
        lambda r: {**r, "seeds": []},
        lambda r: _changed(r, "sides, new", "trained", lambda x: 100 * x),
        lambda r: _played(r, starts_scattered=meta_train([s + 30 for s in r["seeds"]], r["goals_scattered"]),
                          starts_sides=meta_train([s + 30 for s in r["seeds"]], r["goals_sides"])),
        lambda r: {**r, "goals_sides": CHESSBOARD},
    )
]  # fmt: skip
WRONG = [(check, answer if isinstance(answer, Late) else _report(answer)) for check, answer in WRONG]


def _other_trainings(report):
    seeds = [11, 3, 27, 8, 40, 5]
    return _played(
        {**report, "seeds": seeds},
        goals_scattered=CHESSBOARD,
        goals_sides=RIGHT_HALF,
        starts_scattered=meta_train(seeds, CHESSBOARD),
        starts_sides=meta_train(seeds, RIGHT_HALF),
    )


def _plain(value):
    return {key: _plain(part) if isinstance(part, dict) else part.tolist() for key, part in value.items()}


RIGHT = [
    (ch10.check_transfer, _report(answer))
    for answer in (
        lambda r: r,
        lambda r: _some(r, [0, 2, 3, 5, 7]),
        lambda r: {**r, "low_sides": round(r["low_sides"], 4), "high_sides": np.float32(r["high_sides"])},
        lambda r: {**r, "rewards": _plain(r["rewards"]), "goals_sides": np.array(r["goals_sides"])},
        lambda r: {**r, "starts_sides": r["starts_sides"].double(), "seeds": tuple(r["seeds"])},
        lambda r: _played(r, luck=900),
        _other_trainings,
    )
]
