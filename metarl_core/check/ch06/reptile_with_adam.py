"""The check of the exercise `reptile_with_adam`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.oracles import central_differences


def _labelled_cases():
    for seed, (tasks, samples, size, features, alpha) in enumerate(
        ((3, 8, 4, 3, 0.1), (2, 9, 3, 2, 0.05), (3, 6, 2, 4, 0.2))
    ):
        generator = torch.Generator().manual_seed(60 + seed)
        data, orders = [], []
        for _ in range(tasks):
            x = (1 + 2 * torch.rand(1, generator=generator)) * torch.randn(samples, features, generator=generator)
            y = (x.sum(1) + torch.randn(samples, generator=generator)).sign().sort().values
            data.append((x.double(), y.double()))
            orders.append(torch.randperm(samples, generator=generator))
        theta = torch.randn(features, generator=generator, dtype=torch.float64)
        yield case(theta, data, orders, alpha, size)


def _adam_by_definition(theta, tasks, orders, alpha, size, beta=0.999, tiny=1e-8):
    """v̂ written out as the weighted mean of all squared gradients of the task so far; gradients by differences."""
    away = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, slopes = theta, []
        for chosen in order.split(size):
            slopes.append(central_differences(lambda p, x=x, y=y, c=chosen: (x[c] @ p - y[c]).square().mean(), phi))
            weights = beta ** torch.arange(len(slopes) - 1, -1, -1, dtype=theta.dtype)
            mean_square = (weights[:, None] * torch.stack(slopes).square()).sum(0) / weights.sum()
            phi = phi - alpha * slopes[-1] / (mean_square.sqrt() + tiny)
        away.append(theta - phi)
    return torch.stack(away).mean(0)


def _adam(shuffled=True, new_state="task", new_count="task", sign=1.0, corrected=True, moved=True):
    """The direction with faults: data order, when the state and its count begin anew, the sign, the correction."""

    def answer(theta, tasks, orders, alpha, size, beta=0.999, tiny=1e-8):
        total, second, count = torch.zeros_like(theta), torch.zeros_like(theta), 0
        for (x, y), order in zip(tasks, orders, strict=True):
            second = torch.zeros_like(theta) if new_state != "never" else second
            count = 0 if new_count != "never" else count
            phi, order = theta, order if shuffled else torch.arange(len(x))
            for chosen in order.split(size):
                if new_state == "step":
                    second, count = torch.zeros_like(theta), 0
                slope = 2 * x[chosen].T @ (x[chosen] @ phi - y[chosen]) / len(chosen)
                second, count = beta * second + (1 - beta) * slope.square(), count + 1
                scale = (second / (1 - beta**count if corrected else 1)).sqrt() + tiny
                phi = phi - alpha * slope / scale
            total = total + sign * (theta - phi)
        return total / (len(tasks) if moved else 1)

    return answer


check_reptile_with_adam = function_check(
    "reptile_with_adam",
    _adam_by_definition,
    _labelled_cases,
    Wrong(
        "as_it_was",
        "That is the code as it was. Give it the tasks in another order, and the samples in another order, and look "
        "what changes.",
        _adam(shuffled=False, new_state="never", new_count="never"),
    ),
    Wrong(
        "ordered_by_label",
        "Adam is right, but the minibatches are cut in the order in which the samples are stored. What do the labels "
        "of the first minibatch have in common?",
        _adam(shuffled=False),
    ),
    Wrong(
        "state_shared",
        "The minibatches are right and the first task is, too. What does the second task inherit from the first?",
        _adam(new_state="never", new_count="never"),
    ),
    Wrong(
        "count_shared",
        "The running mean begins anew for each task, but its bias correction does not know that.",
        _adam(new_count="never"),
    ),
    Wrong(
        "mean_square_shared",
        "The count of steps begins anew for each task, but the running mean of squares does not.",
        _adam(new_state="never"),
    ),
    Wrong(
        "new_at_each_step",
        "Your optimiser forgets everything at each step. All minibatches of *one* task share its state.",
        _adam(new_state="step"),
    ),
    Wrong(
        "no_correction",
        "The running mean of squares starts at zero and is used as it is: the first steps are far too long.",
        _adam(corrected=False),
    ),
    Wrong(
        "sign",
        "This is φ − θ. An optimiser that descends needs the opposite.",
        _adam(sign=-1.0),
    ),
    Wrong(
        "sum_over_tasks",
        "Your direction grows with the number of tasks. The mean is wanted.",
        _adam(moved=False),
    ),
)  # fmt: skip
