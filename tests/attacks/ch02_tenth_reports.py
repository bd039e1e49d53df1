"""Reports on the worth of knowing the task, chapter 02, from a tenth attack."""

import numpy as np
import torch
from report_changes import WRONG_ENDS, changed

from metarl_core.check import ch02
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.tasks import CartPole, rollout
from metarl_core.tasks.controllers import CartPoleController, cartpole_gains
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "02_tasks.py"
WIDE = CartPole(spread=4.0, horizon=200)
ORDINARY = cartpole_gains(WIDE.default_params)


def _told(tasks, generator, episodes=2):
    policy = {"gains": cartpole_gains(tasks)}
    return float(rollout(WIDE, tasks, CartPoleController(), policy, episodes, generator).returns.mean())


def _returns(gains, tasks, generator, episodes=2):
    number = len(tasks["length"])
    every = {name: value.repeat(len(gains)) for name, value in tasks.items()}
    policy = {"gains": gains.repeat_interleave(number, 0)}
    returns = rollout(WIDE, every, CartPoleController(), policy, episodes, generator).returns
    return returns.reshape(len(gains), -1).mean(1)


def _share(report, name, seed):
    """The tasks of one seed."""
    number = len(report[name]["length"]) // len(report["told"])
    return {key: value[seed * number : (seed + 1) * number] for key, value in report[name].items()}


def _joined(tasks):
    return {name: torch.cat([each[name] for each in tasks]) for name in tasks[0]}


def _found(report, **fields):
    """The report with these fields, and the three numbers that follow from them."""
    report = {**report, **fields}
    told, untold, ordinary = (np.asarray(report[name], dtype=float) for name in ("told", "untold", "ordinary"))
    found = t_interval(told - untold)
    return {
        **report,
        "apparent": float((told - ordinary).mean()),
        "worth": found.point,
        "interval": (found.low, found.high),
    }


def _run(seeds=range(1, 6), search=60, test=60, candidates=30, episodes=2, choose=None, draw=None, held_out=None):
    """The experiment from the beginning; `choose` takes gains and returns, `held_out` draws the tasks of the test."""
    rows = {
        name: [] for name in ("gains", "search_tasks", "search_returns", "test_tasks", "told", "untold", "ordinary")
    }
    for seed in seeds:
        generator = seeded(seed)
        training = WIDE.sample_tasks(search, generator, "train")
        tried = (
            draw(candidates, generator) if draw else cartpole_gains(WIDE.sample_tasks(candidates, generator, "train"))
        )
        returns = _returns(tried, training, generator, episodes)
        best = choose(tried, returns) if choose else tried[returns.argmax()]
        tasks = held_out(seed) if held_out else WIDE.sample_tasks(test, generator, "test")
        both = _returns(torch.stack([best, ORDINARY[0]]), tasks, generator, episodes)
        rows["gains"].append(best.tolist())
        rows["search_tasks"].append(training)
        rows["search_returns"].append(
            float(_returns(best[None], training, generator, episodes)) if choose else float(returns.max())
        )
        rows["test_tasks"].append(tasks)
        rows["told"].append(_told(tasks, generator, episodes))
        rows["untold"].append(float(both[0]))
        rows["ordinary"].append(float(both[1]))
    return _found({**rows, "search_tasks": _joined(rows["search_tasks"]), "test_tasks": _joined(rows["test_tasks"])})


def _exchanged(name, one=0, two=None):
    def change(report):
        values = list(report[name])
        # the two that differ most: else there is nothing to see
        first, second = (int(np.argmin(values)), int(np.argmax(values))) if two is None else (one, two)
        values[first], values[second] = values[second], values[first]
        return _found(report, **{name: values})

    return change


def _gains_exchanged(report):
    gains = [list(one) for one in report["gains"]]
    return {**report, "gains": gains[1:] + gains[:1]}


def _chosen_on_the_test(report):
    """Gains that did best on the held-out tasks, and what they earn there and on the tasks of the search."""
    gains, searched, untold = [], [], []
    for seed in range(len(report["told"])):
        candidates = cartpole_gains(WIDE.sample_tasks(30, seeded(900 + seed), "train"))
        tasks = _share(report, "test_tasks", seed)
        returns = _returns(candidates, tasks, seeded(seed))
        gains.append(candidates[returns.argmax()].tolist())
        untold.append(float(returns.max()))
        searched.append(
            float(_returns(candidates[returns.argmax()][None], _share(report, "search_tasks", seed), seeded(5)))
        )
    return _found(report, gains=gains, search_returns=searched, untold=untold)


def _one_made_up(report):
    values = list(report["untold"])
    worst = int(np.argmin(values))
    values[worst] = float(np.mean(values[:worst] + values[worst + 1 :]))
    return _found(report, untold=values)


def _with_ends(ends):
    return lambda report: {**report, "interval": ends(np.array(report["told"]) - np.array(report["untold"]))}


def _unpaired(report):
    told, untold = t_interval(report["told"]), t_interval(report["untold"])
    return {**report, "interval": (told.low - untold.high, told.high - untold.low)}


def _of_apparent(report):
    found = t_interval(np.array(report["told"]) - np.array(report["ordinary"]))
    return {**report, "interval": (found.low, found.high)}


def _over_tasks(report):
    """The interval of all tasks together, as if each were a seed."""
    tasks = report["test_tasks"]
    policy = {"gains": cartpole_gains(tasks)}
    gains = torch.tensor(report["gains"]).repeat_interleave(len(tasks["length"]) // len(report["told"]), 0)
    told, untold = (
        rollout(WIDE, tasks, CartPoleController(), one, 2, seeded(3)).returns.mean(1)
        for one in (policy, {"gains": gains})
    )
    found = t_interval(told - untold)
    return {**report, "interval": (found.low, found.high)}


def _as_arrays(report):
    arrays = {
        name: np.array(report[name]) for name in ("gains", "search_returns", "told", "untold", "ordinary", "interval")
    }
    return {**report, **arrays}


WORTHS = {
    "two_untold_exchanged": _exchanged("untold"),
    "two_ordinary_exchanged": _exchanged("ordinary"),
    "same_test_for_all": lambda r: _run(held_out=lambda seed: WIDE.sample_tasks(60, seeded(77), "test")),
    "same_search_for_all": lambda r: {
        **r,
        "search_tasks": _joined([_share(r, "search_tasks", 0)] * 5),
        "search_returns": _returns(torch.tensor(r["gains"]), _share(r, "search_tasks", 0), seeded(1)).tolist(),
    },
    "test_is_the_twin_of_the_search": lambda r: _run(held_out=lambda seed: WIDE.sample_tasks(60, seeded(seed), "test")),
    "test_is_training": lambda r: _run(held_out=lambda seed: WIDE.sample_tasks(60, seeded(seed + 50), "train")),
    "measured_on_the_search": lambda r: _found(
        r,
        test_tasks=r["search_tasks"],
        untold=r["search_returns"],
        told=[_told(_share(r, "search_tasks", seed), seeded(9)) for seed in range(5)],
        ordinary=[float(_returns(ORDINARY, _share(r, "search_tasks", seed), seeded(9))) for seed in range(5)],
    ),
    "tasks_exchanged": lambda r: {**r, "search_tasks": r["test_tasks"], "test_tasks": r["search_tasks"]},
    "untold_from_the_search": lambda r: _found(r, untold=r["search_returns"]),
    "thirty_five_tasks": lambda r: _run(search=35, test=35),
    "four_seeds": lambda r: _run(seeds=range(1, 5)),
    "a_seed_twice": lambda r: _run(seeds=(1, 2, 3, 4, 4)),
    "the_worst_candidate": lambda r: _run(choose=lambda gains, returns: gains[returns.argmin()]),
    "ordinary_gains_won": lambda r: _run(choose=lambda gains, returns: ORDINARY[0]),
    "worth_and_apparent_exchanged": lambda r: {**r, "worth": r["apparent"], "apparent": r["worth"]},
    "worth_against_the_search": lambda r: {
        **r,
        "worth": float(np.mean(r["told"]) - np.mean(r["search_returns"])),
    },
    "untold_less_told": lambda r: {**r, "worth": -r["worth"], "interval": tuple(-x for x in r["interval"][::-1])},
    "worth_of_one_seed": lambda r: {**r, "worth": r["told"][0] - r["untold"][0]},
    "a_share_of_the_apparent": lambda r: {**r, "worth": r["worth"] / r["apparent"]},
    "ends_exchanged": lambda r: {**r, "interval": r["interval"][::-1]},
    "interval_clipped_at_0": lambda r: {**r, "interval": (max(0.0, r["interval"][0]) + 0.2, r["interval"][1])},
    "of_the_apparent": _of_apparent,
    "unpaired": _unpaired,
    "over_tasks": _over_tasks,
    **{name: _with_ends(ends) for name, ends in WRONG_ENDS.items()},
}
GOOD_WORTHS = {
    "seven_other_seeds": lambda r: _run(seeds=range(40, 47), search=45, test=50),
    "more_candidates_and_episodes": lambda r: _run(seeds=range(60, 65), candidates=60, episodes=5),
    "candidates_around_ordinary_gains": lambda r: _run(
        seeds=range(70, 75),
        draw=lambda n, generator: ORDINARY * torch.exp(torch.randn(n, 4, generator=generator)),
    ),
    "many_tasks": lambda r: _run(seeds=(9, 4, 2, 7, 5), search=40, test=160),
    "as_arrays": _as_arrays,
    "gains_as_a_tensor": lambda r: {**r, "gains": torch.tensor(r["gains"]), "interval": list(r["interval"])},
}

NOT_ASKED = {
    "untold_sorted": lambda r: _found(r, untold=sorted(r["untold"]), told=sorted(r["told"])),
    "two_told_exchanged": _exchanged("told"),
    "two_search_returns_exchanged": _exchanged("search_returns"),
    "gains_of_the_next_seed": _gains_exchanged,
    "told_on_the_search": lambda r: _found(
        r, told=[_told(_share(r, "search_tasks", seed), seeded(9)) for seed in range(5)]
    ),
    "the_mean_of_all_candidates": lambda r: _run(choose=lambda gains, returns: gains.mean(0)),
    "the_first_candidate": lambda r: _run(choose=lambda gains, returns: gains[0]),
    "the_median_candidate": lambda r: _run(choose=lambda gains, returns: gains[returns.argsort()[len(returns) // 2]]),
    "two_candidates": lambda r: _run(candidates=2),
    "one_made_up": _one_made_up,
    "chosen_on_the_test": _chosen_on_the_test,
    "the_same_gains_for_all": lambda r: _found(
        r,
        gains=[r["gains"][0]] * 5,
        untold=[float(_returns(torch.tensor(r["gains"][:1]), _share(r, "test_tasks", s), seeded(9))) for s in range(5)],
    ),
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch02.check_worth, WORTHS)
RIGHT = changed(SOLUTION, ch02.check_worth, GOOD_WORTHS)
DOUBTFUL = changed(SOLUTION, ch02.check_worth, NOT_ASKED)
