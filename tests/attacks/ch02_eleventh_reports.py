"""Reports on the worth of knowing the task, chapter 02, from an eleventh attack."""

import numpy as np
import torch
from report_changes import FURTHER_ENDS, changed

from attacks.ch02_tenth_reports import ORDINARY, SOLUTION, WIDE, _found, _joined, _returns, _run, _share
from metarl_core.check import ch02
from metarl_core.randomness import seeded
from metarl_core.tasks import CartPole, rollout
from metarl_core.tasks.controllers import CartPoleController, cartpole_gains


def _number(report):
    return len(report["told"])


def _episodes(family, gains, tasks, generator):
    """Returns [task, episode] of gains [task, 4]."""
    return rollout(family, tasks, CartPoleController(), {"gains": gains}, 2, generator).returns


def _of_each_seed(report, reduce, family=WIDE, ordinary=ORDINARY):
    """The three rows of the test once more, by a function of a seed's returns [task, episode]."""
    rows = {"told": [], "untold": [], "ordinary": []}
    for seed in range(_number(report)):
        tasks = _share(report, "test_tasks", seed)
        count = len(tasks["length"])
        own = torch.tensor(report["gains"][seed]).expand(count, 4)
        for name, gains in (("told", cartpole_gains(tasks)), ("untold", own), ("ordinary", ordinary.expand(count, 4))):
            rows[name].append(float(reduce(_episodes(family, gains, tasks, seeded(30 + seed)))))
    return rows


def _measured(report, reduce=torch.mean, family=WIDE, **fields):
    report = {**report, **fields}
    return _found(report, **_of_each_seed(report, reduce, family))


def _searched_again(report, family):
    return [
        float(
            _episodes(
                family,
                torch.tensor(report["gains"][seed]).expand(len(tasks["length"]), 4),
                tasks,
                seeded(60 + seed),
            ).mean()
        )
        for seed in range(_number(report))
        for tasks in [_share(report, "search_tasks", seed)]
    ]


def _longer_episodes(report):
    family = CartPole(spread=4.0, horizon=500)
    return _measured(report, family=family, search_returns=_searched_again(report, family))


def _shorter_episodes(report):
    family = CartPole(spread=4.0, horizon=100)
    return _measured(report, family=family, search_returns=_searched_again(report, family))


def _best_of_the_test(report):
    """On the held-out tasks what did best of thirty there, beside the gains that won the search."""
    untold = []
    for seed in range(_number(report)):
        candidates = cartpole_gains(WIDE.sample_tasks(60, seeded(800 + seed), "train"))
        both = torch.cat([torch.tensor(report["gains"][seed])[None], candidates])
        untold.append(float(_returns(both, _share(report, "test_tasks", seed), seeded(seed)).max()))
    return _found(report, untold=untold)


def _copied_test(report):
    """The held-out tasks of the first seed are those of the second, too."""
    shares = [_share(report, "test_tasks", seed) for seed in (0, 0, 2, 3, 4)]
    return _measured(report, test_tasks=_joined(shares))


def _half_from_the_search(report):
    shares = []
    for seed in range(_number(report)):
        one, two = (_share(report, name, seed) for name in ("search_tasks", "test_tasks"))
        shares.append({key: torch.cat([one[key][:30], two[key][30:]]) for key in one})
    return _measured(report, test_tasks=_joined(shares))


def _overlapping(report):
    """Sixty tasks for each seed, of which thirty are those of the seed before."""
    pool = WIDE.sample_tasks(180, seeded(444), "test")
    windows = [{key: value[30 * s : 30 * s + 60] for key, value in pool.items()} for s in range(5)]
    return _measured(report, test_tasks=_joined(windows))


def _drawn_from(family):
    """The whole experiment on another family's tasks."""

    def held_out(seed):
        return family.sample_tasks(60, seeded(seed + 500), "test")

    return lambda report: _run(held_out=held_out)


def _several_rounds(seeds=(3, 1, 4, 15, 9)):
    """Candidates by two rounds: designs, and then variations of the best of them."""

    def draw(n, generator):
        designs = cartpole_gains(WIDE.sample_tasks(n, generator, "train"))
        more = designs[:5].repeat(3, 1) * torch.exp(0.3 * torch.randn(15, 4, generator=generator))
        return torch.cat([designs, more])

    return _run(seeds=seeds, search=80, test=120, draw=draw)


def _in_task_order(report):
    """Tasks joined task by task in place of seed by seed."""
    number = _number(report)
    return {
        **report,
        "test_tasks": {key: value.view(number, -1).T.flatten() for key, value in report["test_tasks"].items()},
    }


def _interval(ends):
    return lambda report: {**report, "interval": ends(np.array(report["told"]) - np.array(report["untold"]))}


REPORTS = {
    "five_hundred_steps": _longer_episodes,
    "a_hundred_steps": _shorter_episodes,
    "a_narrower_family": _drawn_from(CartPole(spread=1.5, horizon=200)),
    "medians_over_tasks": lambda r: _measured(r, reduce=torch.median),
    "sums_over_episodes": lambda r: _measured(r, reduce=lambda x: x.sum(1).mean()),
    "shares_of_the_limit": lambda r: _found(
        r, **{name: (np.array(r[name]) / 200).tolist() for name in ("search_returns", "told", "untold", "ordinary")}
    ),
    "the_worst_episode": lambda r: _measured(r, reduce=lambda x: x.amin(1).mean() - 12),
    "everything_held_for_200": lambda r: _found(r, told=[200.0] * 5),
    "ordinary_of_zero_gains": lambda r: _found(
        r,
        ordinary=[float(_returns(0 * ORDINARY, _share(r, "test_tasks", s), seeded(1))) for s in range(5)],
    ),
    "ordinary_is_a_candidate": lambda r: _found(r, ordinary=r["untold"]),
    "apparent_is_the_worth": lambda r: {**r, "apparent": r["worth"]},
    "apparent_of_ordinary_less_told": lambda r: {**r, "apparent": -r["apparent"]},
    "what_is_left_of_the_apparent": lambda r: {**r, "worth": r["apparent"] - r["worth"]},
    "worth_is_the_median": lambda r: {**r, "worth": float(np.max(np.array(r["told"]) - np.array(r["untold"])))},
    "worth_of_the_sum": lambda r: {**r, "worth": 5 * r["worth"], "apparent": 5 * r["apparent"]},
    "mean_of_the_candidates_returns": lambda r: {
        **r,
        "search_returns": [
            float(
                _returns(
                    cartpole_gains(WIDE.sample_tasks(30, seeded(40 + s), "train")),
                    _share(r, "search_tasks", s),
                    seeded(2),
                ).mean()
            )
            - 15
            for s in range(5)
        ],
    },
    "a_test_copied": _copied_test,
    "half_of_the_test_from_the_search": _half_from_the_search,
    "overlapping_tests": _overlapping,
    "gains_in_another_order": lambda r: {**r, "gains": [one[::-1] for one in r["gains"]]},
    "gains_of_the_ordinary": lambda r: {**r, "gains": [ORDINARY[0].tolist()] * 5},
    **{name: _interval(ends) for name, ends in FURTHER_ENDS.items()},
}
GOOD = {
    "several_rounds": lambda r: _several_rounds(),
    "twenty_seeds": lambda r: _run(seeds=range(100, 120), search=40, test=40),
    "one_episode": lambda r: _run(seeds=(5, 4, 3, 2, 1, 0), search=120, test=70, episodes=1),
    "tensors": lambda r: {
        **r,
        **{name: torch.tensor(r[name]).double() for name in ("gains", "search_returns", "told", "untold", "ordinary")},
        "apparent": torch.tensor(r["apparent"]),
        "worth": np.float32(r["worth"]),
        "interval": np.array(r["interval"]),
    },
    "rounded": lambda r: {
        **r,
        "worth": round(r["worth"], 2),
        "apparent": round(r["apparent"], 2),
        "interval": [round(x, 2) for x in r["interval"]],
    },
    "seeds_in_another_order": lambda r: {
        **_found(
            r,
            **{name: r[name][::-1] for name in ("gains", "search_returns", "told", "untold", "ordinary")},
            **{name: _joined([_share(r, name, s) for s in (4, 3, 2, 1, 0)]) for name in ("search_tasks", "test_tasks")},
        )
    },
}
NOT_ASKED = {"in_task_order": _in_task_order, "best_of_the_test": _best_of_the_test}
"""Told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch02.check_worth, REPORTS)
RIGHT = changed(SOLUTION, ch02.check_worth, GOOD)
DOUBTFUL = changed(SOLUTION, ch02.check_worth, NOT_ASKED)
