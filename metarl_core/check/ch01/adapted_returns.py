"""The check of the exercise `adapted_returns`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _evaluation_cases():
    """A family made by hand: quadratic tasks, whose adaptation is known in closed form."""
    for seed, (number, inner_lr, steps) in enumerate([(3, 0.3, 2), (4, 0.2, 3), (2, 0.5, 1)]):
        generator = torch.Generator().manual_seed(seed)
        tasks = [
            {"curvature": 0.4 + torch.rand((), generator=generator), "centre": torch.randn((), generator=generator)}
            for _ in range(number)
        ]
        yield case(torch.randn((), generator=generator), tasks, _collect, _improve(inner_lr), steps)


def _collect(theta, task):
    offset = theta - task["centre"]
    returns = -0.5 * task["curvature"] * offset**2
    return {"returns": returns + torch.tensor([-0.1, 0.0, 0.1]), "gradient": -task["curvature"] * offset}


def _improve(inner_lr):
    def improve(theta, batch):
        return theta + inner_lr * batch["gradient"]

    improve.inner_lr = inner_lr
    return improve


def _after(theta, task, inner_lr, steps):
    return task["centre"] + (1 - inner_lr * task["curvature"]) ** steps * (theta - task["centre"])


def _return_at(theta, task):
    return -0.5 * task["curvature"] * (theta - task["centre"]) ** 2


def _closed_form(theta, tasks, collect, improve, steps):
    return torch.stack([_return_at(_after(theta, task, improve.inner_lr, steps), task) for task in tasks])


def _chain(theta, tasks, inner_lr, steps, stale):
    """Each task goes on from where the one before ended."""
    results = []
    for task in tasks:
        measured = _after(theta, task, inner_lr, steps - stale)
        results.append(_return_at(measured, task))
        theta = _after(theta, task, inner_lr, steps)
    return torch.stack(results)


check_adapted_returns = function_check(
    "adapted_returns",
    _closed_form,
    _evaluation_cases,
    Wrong(
        "both_bugs",
        "These are the numbers of the code as it was given: it runs, and it measures something else in two ways.",
        lambda theta, tasks, collect, improve, steps: _chain(theta, tasks, improve.inner_lr, steps, 1),
    ),
    Wrong(
        "leak",
        "The first task is right, the later ones are not. What do they start from?",
        lambda theta, tasks, collect, improve, steps: _chain(theta, tasks, improve.inner_lr, steps, 0),
    ),
    Wrong(
        "support",
        "These are the returns of the episodes that the last step learned from. Which parameters collected them?",
        lambda theta, tasks, collect, improve, steps: torch.stack(
            [_return_at(_after(theta, task, improve.inner_lr, steps - 1), task) for task in tasks]
        ),
    ),
    Wrong(
        "one_step_too_many",
        "One update too many: episodes collected to measure are not there to learn from.",
        lambda theta, tasks, collect, improve, steps: torch.stack(
            [_return_at(_after(theta, task, improve.inner_lr, steps + 1), task) for task in tasks]
        ),
    ),
    Wrong(
        "restart",
        "Every step of a task starts from θ again, so only one of them counts. How often is a reset due?",
        lambda theta, tasks, collect, improve, steps: torch.stack(
            [_return_at(_after(theta, task, improve.inner_lr, 1), task) for task in tasks]
        ),
    ),
    Wrong(
        "before",
        "These are the returns before adaptation. Whose episodes are measured?",
        lambda theta, tasks, collect, improve, steps: torch.stack([_return_at(theta, task) for task in tasks]),
    ),
    atol=1e-5,
)
