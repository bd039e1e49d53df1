"""The check of the exercise `served`."""

import functools

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """1 to 4 splits of 1 to 7 tasks of 1 to 3 small numbers, which repeat; a third of the benchmarks is right."""
    splits, width = draw.choice(1, *[draw.integer(2, 4)] * 6), draw.integer(1, 3)
    high = draw.choice(1, 2, 4)
    promised = [draw.integers(-high, high, draw.integer(1, 7), width).double() / 2 for _ in range(splits)]
    promised[0] = draw.once(20, torch.arange(180.0).double().reshape(60, 3)[:, :width], promised[0])
    kind = draw.choice("right", "late", "shifted", "mixed", "foreign")
    lists = list(promised)
    if kind == "late":
        lists = [promised[-1]] * splits
    if kind == "shifted":
        lists = promised[1:] + promised[:1]
    if kind == "mixed":
        lists = [torch.cat([tasks, promised[0][:1], tasks[:1]]) for tasks in promised]
    if kind == "foreign":
        lists = [torch.cat([tasks, tasks[-1:] + 100]) for tasks in promised]
    lists = [tasks[torch.randperm(len(tasks), generator=draw.generator)] for tasks in lists]
    return case([functools.partial(torch.clone, tasks) for tasks in lists], promised).noting(
        {
            "there is one split": splits == 1,
            "a task has more than one number": width > 1,
            "the benchmark is right": kind == "right",
            "a task is served twice": any(len({tuple(t) for t in one.tolist()}) < len(one) for one in lists),
            "a task is promised to two splits": any(
                {tuple(t) for t in one.tolist()} & {tuple(t) for t in other.tolist()}
                for n, one in enumerate(promised)
                for other in promised[:n]
            ),
            "tasks are served that nobody promised": kind == "foreign",
        }
    )


def _by_sets(serve, promised):
    """Sets of tuples."""
    listed = [{tuple(task) for task in tasks.tolist()} for tasks in promised]
    rows = []
    for function in serve:
        seen = {tuple(task) for task in function().tolist()}
        rows.append([len(seen & tasks) for tasks in listed])
    return torch.tensor(rows)


def _counted(turned=False, distinct=True, asked=True, any_number=False, first=False, places=False):
    """Counts, a part of them changed.

    `asked`: whether the functions are called, or the promises compared with each other; `any_number`: tasks are one
    where any of their numbers is; `first`: only the first number counts; `places`: compared place by place.
    """

    def answer(serve, promised):
        lists = [function() for function in serve] if asked else promised
        rows = []
        for tasks in lists:
            row = []
            for other in promised:
                one, two = (tasks[:, :1], other[:, :1]) if first else (tasks, other)
                if places:
                    short = min(len(one), len(two))
                    row.append(int((one[:short] == two[:short]).all(-1).sum()))
                    continue
                one = torch.unique(one, dim=0) if distinct else one
                equal = one[:, None] == two[None]
                hit = (equal.any(-1) if any_number else equal.all(-1)).any(1)
                row.append(int(hit.sum()))
            rows.append(row)
        found = torch.tensor(rows)
        return found.T if turned else found

    return answer


check_served = function_check(
    "served",
    _by_sets,
    _draw_case,
    Wrong(
        "promises_alone",
        "You have compared the promises with each other. What does the benchmark do when it is asked?",
        _counted(asked=False),
    ),
    Wrong("turned", "Rows and columns are exchanged: which of them is what was served?", _counted(turned=True)),
    Wrong(
        "counted_twice",
        "A task that is served twice counts twice in your matrix. How many *different* tasks are there?",
        _counted(distinct=False),
    ),
    Wrong(
        "any_number",
        "Two of your tasks are the same as soon as one of their numbers is.",
        _counted(any_number=True),
    ),
    Wrong("first_number", "You tell tasks apart by their first number alone.", _counted(first=True)),
    Wrong(
        "place_by_place",
        "You compare the first task with the first, the second with the second. Is the order promised?",
        _counted(places=True),
    ),
)
