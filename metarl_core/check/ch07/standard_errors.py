"""The check of the exercise `standard_errors`."""

import itertools

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _draw_case(draw):
    """2 to 8 networks, once 60, 2 to 30 tasks, once 60, 1 to 20 queries, once 100; networks and tasks differ by
    little or by much."""
    networks, tasks, queries = draw.integer(2, 8), draw.integer(2, 30), draw.integer(1, 20)
    networks, tasks, queries = draw.once(19, 60, networks), draw.once(18, 60, tasks), draw.once(17, 100, queries)
    if draw.chance(0.15):
        tasks = networks
    skill = draw.choice(0.0, 0.3, 1.2) * draw.normal(networks, 1, 1) + draw.choice(-0.5, 0.7, 1.2)
    ease = draw.choice(0.3, 1.5) * draw.normal(1, tasks, 1)
    correct = skill + ease + draw.normal(networks, tasks, queries) > 0
    return case(correct).noting(
        {
            "there is one query in a task": queries == 1,
            "there are a hundred queries in a task": queries == 100,
            "there are as many networks as tasks": networks == tasks,
            "there are two networks": networks == 2,
        }
    )


def _jackknife(values):
    """Standard error of a mean from the means that leave one unit out: it needs no formula for the deviation."""
    values = [float(value) for value in values]
    n = len(values)
    left = [(sum(values) - value) / (n - 1) for value in values]
    centre = sum(left) / n
    return ((n - 1) / n * sum((one - centre) ** 2 for one in left)) ** 0.5


def _errors_by_jackknife(correct):
    share = [[sum(task) / len(task) for task in network] for network in correct.tolist()]
    per_network = [_jackknife(tasks) for tasks in share]
    return {
        "network": torch.tensor(per_network, dtype=torch.float64),
        "method": torch.tensor(_jackknife([sum(tasks) / len(tasks) for tasks in share]), dtype=torch.float64),
    }


def _errors(network="tasks", method="networks", root=True, correction=1):
    def error(values):
        return values.std(-1, correction=correction) / (values.shape[-1] ** 0.5 if root else 1)

    def answer(correct):
        answers = correct.double()
        share = answers.mean(2)
        units = {
            "networks": share.mean(1), "tasks": share.flatten(), "task means": share.mean(0),
            "queries": answers.flatten(), "queries of a network": answers.flatten(1), "tasks of a network": share,
        }  # fmt: skip
        return {"network": error(units[f"{network} of a network"]), "method": error(units[method])}

    return answer


def _with_tasks(correct):
    share = correct.double().mean(2)
    return (share.mean(1).var() / share.shape[0] + share.mean(0).var() / share.shape[1]).sqrt()


def _other_root(got, correct):
    """Each deviation over the root of a number of networks, of tasks, of both, or of one."""
    networks, tasks, _ = correct.shape
    roots = [number**0.5 for number in (networks, tasks, networks * tasks)]
    right = _errors(root=False)(correct)
    return all(any(difference(got[name], right[name] / r, None, None) is None for r in roots) for name in right)


def _is_any(got, correct, **choices):
    """Whether it comes from any combination of the choices."""
    every = (dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values()))
    return any(difference(got, _errors(**one)(correct), None, None) is None for one in every)


check_standard_errors = function_check(
    "standard_errors",
    _errors_by_jackknife,
    _draw_case,
    Wrong(
        "over_queries",
        "You count every query as an observation of its own. The queries of one task share their five letters and "
        "their support set: how many independent things did you draw?",
        when=lambda got, correct: _is_any(
            got,
            correct,
            network=("queries",),
            method=("networks", "queries", "tasks", "task means"),
            correction=(0, 1),
        ),
    ),
    Wrong(
        "tasks_for_method",
        "The entry `network` is right. For `method` you count tasks, but a new training would not change the tasks: it "
        "would change the network. How many trainings do you have?",
        when=lambda got, correct: _is_any(got, correct, method=("tasks", "task means")),
    ),
    Wrong(
        "queries_for_method",
        "The entry `network` is right. For `method` you count single answers. How many of them come from one training?",
        _errors(method="queries"),
    ),
    Wrong(
        "deviation",
        "These are standard deviations: they say how much single tasks or trainings differ, and do not shrink with "
        "more of them.",
        _errors(root=False),
    ),
    Wrong(
        "divide_by_n",
        "Nearly: your deviations are a little too small, since the mean was estimated from the same numbers.",
        _errors(correction=0),
    ),
    Wrong(
        "variances",
        "These are squares of standard errors. Which root is missing?",
        lambda correct: {name: error.square() for name, error in _errors()(correct).items()},
    ),
    Wrong(
        "half_intervals",
        "These are halves of 95 % intervals. Asked for are the standard errors that they are made of.",
        lambda correct: {name: 1.96 * error for name, error in _errors()(correct).items()},
    ),
    Wrong(
        "other_root",
        "The deviations are right. How many units is each of them a deviation of?",
        when=lambda got, correct: _other_root(got, correct),
    ),
    Wrong(
        "root_of_one_less",
        "The deviations divide by one less than their number, as they should, and then the root does so again. How "
        "many units is the mean a mean of?",
        lambda correct: {
            name: error * (n / (n - 1)) ** 0.5
            for (name, error), n in zip(_errors()(correct).items(), (correct.shape[1], correct.shape[0]), strict=True)
        },
    ),
    Wrong(
        "one_for_all_networks",
        "The entry `method` is right. In `network` the same number stands for each network. Are all of them equally "
        "sure?",
        when=lambda got, correct: (
            difference(got["method"], _errors()(correct)["method"], None, None) is None
            and bool((got["network"] == got["network"][0]).all())
        ),
    ),
    Wrong(
        "both_parts",
        "The entry `network` is right. For `method` you add a part for the tasks, but the second claim of (4) is one "
        "about *these* tasks.",
        lambda correct: _errors()(correct) | {"method": _with_tasks(correct)},
    ),
    Wrong(
        "propagated_errors",
        "The entry `network` is right. For `method` you add up how badly each network was measured. Two networks that "
        "differ much would get no larger error.",
        lambda correct: (
            _errors()(correct) | {"method": _errors()(correct)["network"].square().sum().sqrt() / correct.shape[0]}
        ),
    ),
    Wrong(
        "averaged_errors",
        "The entry `network` is right. For `method` you average the errors of the networks: that says how well one of "
        "them is known. How do they differ from each other?",
        lambda correct: _errors()(correct) | {"method": _errors()(correct)["network"].mean()},
    ),
)
