"""The check of the exercise `standard_errors`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _correct_cases():
    for seed, (networks, tasks, queries) in enumerate(((5, 40, 15), (4, 25, 10), (8, 30, 20))):
        generator = torch.Generator().manual_seed(60 + seed)
        skill = 0.8 * torch.randn(networks, 1, 1, generator=generator) + 1.0
        ease = 1.2 * torch.randn(1, tasks, 1, generator=generator)
        luck = torch.randn(networks, tasks, queries, generator=generator)
        yield case(skill + ease + luck > 0)


def _jackknife(values):
    """Standard error of a mean from the means that leave one unit out: it needs no formula for the deviation."""
    values = [float(value) for value in values]
    n = len(values)
    left = [(sum(values) - value) / (n - 1) for value in values]
    centre = sum(left) / n
    return ((n - 1) / n * sum((one - centre) ** 2 for one in left)) ** 0.5


def _errors_by_jackknife(correct):
    share = [[float(task.double().mean()) for task in network] for network in correct]
    per_network = [_jackknife(tasks) for tasks in share]
    return {
        "network": torch.tensor(per_network, dtype=torch.float64),
        "method": torch.tensor(_jackknife([sum(tasks) / len(tasks) for tasks in share]), dtype=torch.float64),
    }


def _errors(network="tasks", method="networks", root=True, correction=1):
    def error(values, axes=-1):
        values = values.flatten(axes) if axes != -1 else values
        return values.std(-1, correction=correction) / (values.shape[-1] ** 0.5 if root else 1)

    def answer(correct):
        share = correct.double().mean(2)
        over_queries = correct.double().flatten(1)
        return {
            "network": error(share if network == "tasks" else over_queries),
            "method": error(
                {"networks": share.mean(1), "tasks": share.flatten(), "task means": share.mean(0)}[method]
                if method != "queries"
                else correct.double().flatten()
            ),
        }

    return answer


check_standard_errors = function_check(
    "standard_errors",
    _errors_by_jackknife,
    _correct_cases,
    Wrong(
        "over_queries",
        "You count every query as an observation of its own. The queries of one task share their five letters and "
        "their support set: how many independent things did you draw?",
        when=lambda got, correct: any(
            difference(got, _errors(network="queries", method=m)(correct), 0.02, 1e-6) is None
            for m in ("networks", "queries", "tasks", "task means")
        ),
    ),
    Wrong(
        "tasks_for_method",
        "The entry `network` is right. For `method` you count tasks, but a new training would not change the tasks: it "
        "would change the network. How many trainings do you have?",
        when=lambda got, correct: any(
            difference(got, _errors(method=m)(correct), 0.02, 1e-6) is None for m in ("tasks", "task means", "queries")
        ),
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
)
