"""Reports on the worth of knowing the task, chapter 02, from a ninth attack."""

import numpy as np
import torch
from produced_reports import Late

from metarl_core.check import ch02
from metarl_core.evaluation import t_interval
from metarl_core.randomness import seeded
from metarl_core.tasks import CartPole, rollout
from metarl_core.tasks.controllers import CartPoleController, cartpole_gains
from tools.course import ROOT

from . import named

SOLUTION = ROOT / "solutions" / "02_tasks.py"
WIDE = CartPole(spread=4.0, horizon=200)
PER_SEED = ("gains", "search_returns", "told", "untold", "ordinary")


def _worth(change):
    return Late(SOLUTION, "check_worth", change)


def _told(tasks, generator, episodes=2):
    policy = {"gains": cartpole_gains(tasks)}
    return rollout(WIDE, tasks, CartPoleController(), policy, episodes, generator).returns.mean()


def _means(gains, tasks, generator, episodes=2):
    number = len(tasks["length"])
    every = {name: value.repeat(len(gains)) for name, value in tasks.items()}
    returns = rollout(
        WIDE, every, CartPoleController(), {"gains": gains.repeat_interleave(number, 0)}, episodes, generator
    ).returns
    return returns.reshape(len(gains), -1).mean(1)


def _number(values):
    return torch.as_tensor(np.asarray([float(v) for v in values])).double()


def _concluded(report, **fields):
    """With other entries, and what follows from them."""
    report = {**report, **fields}
    told, untold, ordinary = (_number(report[name]) for name in ("told", "untold", "ordinary"))
    found = t_interval(told - untold)
    return {
        **report,
        "apparent": float((told - ordinary).mean()),
        "worth": float((told - untold).mean()),
        "interval": (found.low, found.high),
    }


def _run(
    seeds=range(5),
    tasks=40,
    designs=30,
    search_split="train",
    test_split="test",
    tests=None,
    keep=None,
    offset=50,
    again=False,
):
    """A report from the beginning."""
    rows = {name: [] for name in PER_SEED}
    searched, measured = [], []
    for seed in seeds:
        generator = seeded(offset + seed)
        search = WIDE.sample_tasks(tasks, generator, search_split)
        candidates = cartpole_gains(WIDE.sample_tasks(designs, generator, "train"))
        returns = _means(candidates, search, generator)
        test = WIDE.sample_tasks(tasks, generator, test_split) if tests is None else tests(search, seed)
        if again:  # the winner is the one that does best on the test
            returns = _means(candidates, test, generator)
        best = int(returns.argmax()) if keep is None else keep(returns)
        winner = candidates[best : best + 1]
        rows["gains"].append(winner[0].tolist())
        rows["search_returns"].append(float(_means(winner, search, generator) if again else returns[best]))
        rows["told"].append(float(_told(test, generator)))
        rows["untold"].append(float(_means(winner, test, generator)))
        rows["ordinary"].append(float(_means(cartpole_gains(WIDE.default_params), test, generator)))
        searched.append(search)
        measured.append(test)
    joined = [{name: torch.cat([part[name] for part in parts]) for name in parts[0]} for parts in (searched, measured)]
    return _concluded({"search_tasks": joined[0], "test_tasks": joined[1]}, **rows)


def _told_and_untold_exchanged(report):
    return _concluded(report, told=report["untold"], untold=report["told"])


def _search_returns_for_untold(report):
    return _concluded(report, untold=report["search_returns"])


def _untold_of_other_seeds(report):
    values = list(report["untold"])
    return _concluded(report, untold=values[1:] + values[:1])


def _gains_of_other_seeds(report):
    return {**report, "gains": [*list(report["gains"])[1:], list(report["gains"])[0]]}


def _search_and_test_exchanged(report):
    return {**report, "search_tasks": report["test_tasks"], "test_tasks": report["search_tasks"]}


def _interval_of_the_apparent(report):
    found = t_interval(_number(report["told"]) - _number(report["ordinary"]))
    return {**report, "interval": (found.low, found.high)}


def _unpaired_interval(report):
    told, untold = _number(report["told"]), _number(report["untold"])
    one, two = t_interval(told), t_interval(untold)
    return {**report, "interval": (one.low - two.high, one.high - two.low)}


def _normal_interval(report):
    x = _number(report["told"]) - _number(report["untold"])
    half = 1.96 * float(x.std()) / len(x) ** 0.5
    return {**report, "interval": (float(x.mean()) - half, float(x.mean()) + half)}


def _interval_cut_at_zero(report):
    low, high = report["interval"]
    return (
        {**report, "interval": (max(0.01, float(low)), float(high))} if low < 0 else {**report, "interval": (low, 0.0)}
    )


def _worth_by_the_best_seed(report):
    return {**report, "worth": float((_number(report["told"]) - _number(report["untold"])).max())}


def _told_a_little_better(report):
    return _concluded(report, told=[float(t) + 4 for t in report["told"]])


def _ordinary_a_little_worse(report):
    return _concluded(report, ordinary=[float(t) - 6 for t in report["ordinary"]])


def _noise_for_told(report):
    luck = seeded(1)
    return _concluded(report, told=[200 * float(torch.rand(1, generator=luck)) for _ in report["told"]])


def _one_set_of_tests_for_all(report):
    common = WIDE.sample_tasks(40, seeded(4), "test")
    return _run(tests=lambda search, seed: common)


def _measured_on_the_search(report):
    return _run(tests=lambda search, seed: search)


def _measured_on_training(report):
    return _run(test_split="train")


def _searched_on_test(report):
    return _run(search_split="test")


def _worst_kept(report):
    return _run(keep=lambda returns: int(returns.argmin()))


def _few_tasks(report):
    return _run(tasks=20)


def _one_seed_five_times(report):
    return _run(seeds=[0] * 5)


def _four_seeds(report):
    return _run(seeds=range(4))


def _ordinary_wins(report):
    number = len(list(report["gains"]))
    ordinary = cartpole_gains(WIDE.default_params)[0].tolist()
    return _concluded(report, gains=[ordinary] * number, untold=list(report["ordinary"]))


def _six_seeds_as_arrays(report):
    found = _run(seeds=range(6), tasks=45, designs=28)
    return {**found, **{name: np.asarray(found[name]) for name in PER_SEED}, "interval": list(found["interval"])}


def _as_tensors(report):
    changed = {name: torch.as_tensor(np.asarray(report[name], dtype=np.float32)) for name in PER_SEED}
    return {
        **report,
        **changed,
        "worth": torch.tensor(float(report["worth"])),
        "apparent": np.float64(report["apparent"]),
    }


WRONG = named(
    ch02.check_worth,
    *map(
        _worth,
        (
            _told_and_untold_exchanged,
            _search_returns_for_untold,
            _untold_of_other_seeds,
            _gains_of_other_seeds,
            _search_and_test_exchanged,
            _interval_of_the_apparent,
            _unpaired_interval,
            _normal_interval,
            _interval_cut_at_zero,
            _worth_by_the_best_seed,
            _told_a_little_better,
            _ordinary_a_little_worse,
            _noise_for_told,
            _one_set_of_tests_for_all,
            _measured_on_the_search,
            _measured_on_training,
            _searched_on_test,
            _worst_kept,
            _few_tasks,
            _one_seed_five_times,
            _four_seeds,
            _ordinary_wins,
        ),
    ),
)
RIGHT = named(ch02.check_worth, *map(_worth, (_six_seeds_as_arrays, _as_tensors)))
