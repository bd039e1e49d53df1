"""The check of the exercise `worth`: the value of knowing the task, against the best that does not know it."""

import statistics

import torch

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.ch02.worth_repeated import FAMILY, differs, drawn_otherwise, poorly_searched, repeat, unfair
from metarl_core.check.reports import (
    drawn_from,
    interval_faults,
    number,
    number_lists,
    numbers,
    pair,
    report_check,
    share_twins,
    tasks,
)

SEEDS, TASKS = 5, 40
"""the least that a report must rest on; tasks of each seed"""
MOST_TASKS = 800
"""of all seeds together, on which the check can measure again in a few seconds"""

_tasks = tasks({name: () for name in FAMILY.default_params}, exact=True)


def _examine(report):
    seeds = len(report["gains"])
    for name in ("search_returns", "told", "untold", "ordinary"):
        if len(report[name]) != seeds:
            words = f'`worth["{name}"]` has {len(report[name])} entries and `worth["gains"]` {seeds}'
            raise CheckFailed(f"{words}: there should be as many.", "shape")
        if not all(0 <= value <= FAMILY.horizon for value in report[name]):
            raise CheckFailed(f'`worth["{name}"]`: a return lies between 0 and {FAMILY.horizon}.', "value")
    for name in ("search_tasks", "test_tasks"):
        found = len(report[name]["length"])
        if found % seeds or found > MOST_TASKS:
            words = f'`worth["{name}"]` holds {found} tasks: as many for each of your {seeds} seeds are expected'
            raise CheckFailed(f"{words}, and {MOST_TASKS} at the most.", "shape")
        if not bool((torch.stack(list(report[name].values())) > 0).all()):
            raise CheckFailed(f'`worth["{name}"]`: the parameters of a CartPole are numbers above 0.', "value")
    return report


def _each(one, other):
    """The differences by seed."""
    return lambda report: [a - b for a, b in zip(report[one], report[other], strict=True)]


_worth = _each("told", "untold")


def _is(report, entry, differences):
    return abs(report[entry] - statistics.fmean(differences(report))) <= 0.1


_TAKEN = {
    name: _each(*pair)
    for name, pair in {
        "apparent": ("told", "ordinary"),
        "search": ("told", "search_returns"),
        "tuning": ("untold", "ordinary"),
        "turned": ("untold", "told"),
    }.items()
}


def _taken_for(name):
    """Whether the worth is the mean of these differences, and neither of the right ones nor of any others."""

    def when(report):
        fitting = [other for other, differences in _TAKEN.items() if _is(report, "worth", differences)]
        return not _is(report, "worth", _worth) and fitting == [name]

    return when


def _physics(report, name):
    return torch.stack([report[name][key] for key in FAMILY.default_params])


def _repeated(report, name):
    rows = _physics(report, name).T
    return len(rows.unique(dim=0)) < len(rows)


check_worth = report_check(
    "worth",
    {
        "gains": number_lists(4),
        "search_tasks": _tasks,
        "search_returns": numbers,
        "test_tasks": _tasks,
        "told": numbers,
        "untold": numbers,
        "ordinary": numbers,
        "apparent": number,
        "worth": number,
        "interval": pair,
    },
    Wrong(
        "few_seeds",
        "A search finds other gains each time that it is repeated. How would you know what it finds usually? Five "
        "seeds are the least.",
        when=lambda r: len(r["gains"]) < SEEDS,
    ),
    Wrong(
        "few_tasks",
        "Forty tasks for each seed are the least, for the search and for the measurement: some physics are easy for "
        "any gains.",
        when=lambda r: min(len(r[n]["length"]) for n in ("search_tasks", "test_tasks")) < TASKS * len(r["gains"]),
    ),
    Wrong(
        "tasks_again",
        "Some tasks stand in a list more than once. Seeds that share their tasks share the luck of them, too, and the "
        "interval does not see it.",
        when=lambda r: _repeated(r, "search_tasks") or _repeated(r, "test_tasks"),
    ),
    Wrong(
        "search_on_test",
        'The tasks of your search are not training tasks: some do not carry the stamp of the split `"train"`. What '
        "would a return on held-out tasks say of gains that were chosen on such tasks?",
        when=lambda r: not drawn_from("train", _physics(r, "search_tasks")),
    ),
    Wrong(
        "measured_on_training",
        'The tasks that you measure on are not held-out ones: some do not carry the stamp of the split `"test"`.',
        when=lambda r: not drawn_from("test", _physics(r, "test_tasks")),
    ),
    Wrong(
        "twins",
        "Most of your held-out tasks stand among the tasks of the search, up to their last bit: the two splits were "
        "drawn with equal generators.",
        when=lambda r: share_twins(r["test_tasks"], r["search_tasks"]) > 0.5,
    ),
    Wrong(
        "measured_once",
        "Your gains earn the same to the last digit on the tasks of the search and on the held-out ones. Were they "
        "measured on both?",
        when=lambda r: r["search_returns"] == r["untold"] and len(set(r["untold"])) > 1,
    ),
    Wrong(
        "apparent_reported",
        "That is the distance to the gains for ordinary physics. Are they the best that one can do without knowing the "
        "task?",
        when=_taken_for("apparent"),
    ),
    Wrong(
        "search_reported",
        "You compare with the returns of the search. Its winner was chosen because it did well on just those tasks.",
        when=_taken_for("search"),
    ),
    Wrong(
        "tuning_reported",
        "That is what tuning adds to the gains for ordinary physics: neither of the two knows the task.",
        when=_taken_for("tuning"),
    ),
    Wrong(
        "other_way_round",
        "Your worth has the wrong sign: what is subtracted from what?",
        when=_taken_for("turned"),
    ),
    Wrong(
        "not_the_mean",
        "The worth that you report is not the mean over seeds of the differences between the told and the untold "
        "controller.",
        when=lambda r: not _is(r, "worth", _worth),
    ),
    Wrong(
        "apparent_not_the_mean",
        "The apparent worth that you report is not the mean over seeds of the differences between the told controller "
        "and the one for ordinary physics.",
        when=lambda r: not _is(r, "apparent", _each("told", "ordinary")),
    ),
    *interval_faults(_worth, slack=0.05),
    examine=_examine,
    look=repeat,
    found=(
        Wrong(
            "poorly_searched",
            "There is a single set of gains that earns over ten more on your own search tasks than the gains that won "
            "your search. Which candidates did you try, and does the best of them win?",
            when=poorly_searched,
        ),
        Wrong(
            "search_not_repeated",
            "Measured again on the tasks of the search, your gains do not earn what stands in your report.",
            when=differs("search_returns"),
        ),
        Wrong(
            "told_not_repeated",
            "Measured again, the controllers that are designed for each held-out task do not earn what stands in your "
            "report.",
            when=differs("told"),
        ),
        Wrong(
            "untold_not_repeated",
            "Measured again on the held-out tasks, your gains do not earn what stands in your report.",
            when=differs("untold"),
        ),
        Wrong(
            "ordinary_not_repeated",
            "Measured again on the held-out tasks, the gains for ordinary physics do not earn what stands in your "
            "report.",
            when=differs("ordinary"),
        ),
        Wrong(
            "chosen_tasks",
            "On other held-out tasks one of your three controllers earns something else, by more than chance allows. "
            "Are your tasks a fair sample of the family?",
            when=unfair,
        ),
        Wrong(
            "drawn_otherwise",
            "Some physical parameter is not distributed over your tasks as the family draws it. Do they come from "
            "`wide.sample_tasks`, and are they all that it gave you?",
            when=lambda report, seen: any(map(drawn_otherwise, (report["search_tasks"], report["test_tasks"]))),
        ),
    ),
)
