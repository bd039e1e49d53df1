"""The check of the exercise `reptile_step`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.oracles import central_differences, curved_loss


def _task_cases():
    for seed, (size, tasks, k, alpha, epsilon) in enumerate(
        ((3, 2, 2, 0.5, 0.7), (4, 3, 3, 0.4, 0.5), (3, 2, 5, 0.3, 0.2))
    ):
        generator = torch.Generator().manual_seed(seed)
        losses = [[curved_loss(generator, size) for _ in range(k)] for _ in range(tasks)]
        yield case(torch.randn(size, generator=generator, dtype=torch.float64), losses, alpha, epsilon)


def _reptile_by_differences(theta, tasks, alpha, epsilon):
    ends = []
    for minibatches in tasks:
        phi = theta
        for loss in minibatches:
            phi = phi - alpha * central_differences(loss, phi)
        ends.append(phi)
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def _reptile(pick=lambda losses: losses, moves=True, keep=slice(None), join=None, leak=False):
    """Reptile with faults: which losses, whether φ moves, which of its gradients count, what is made of the ends."""

    def answer(theta, tasks, alpha, epsilon):
        found, at = [], theta
        for minibatches in tasks:
            start = phi = at if leak else theta
            slopes = []
            for loss in pick(minibatches):
                slopes.append(torch.func.grad(loss)(phi if moves else start))
                phi = phi - alpha * slopes[-1]
            end = start - alpha * torch.stack(slopes[keep]).sum(0)
            found.append(end)
            at = end
        ends = torch.stack(found)
        return theta + epsilon * (ends.mean(0) - theta) if join is None else join(theta, ends, alpha, epsilon)

    return answer


def _serial(theta, tasks, alpha, epsilon):
    for minibatches in tasks:
        theta = _reptile()(theta, [minibatches], alpha, epsilon)
    return theta


check_reptile_step = function_check(
    "reptile_step",
    _reptile_by_differences,
    _task_cases,
    Wrong(
        "sign",
        "Your step leads away from where the tasks' inner loops ended. Reptile moves towards that.",
        _reptile(join=lambda theta, ends, alpha, epsilon: theta - epsilon * (ends.mean(0) - theta)),
    ),
    Wrong(
        "outer_step_ignored",
        "You jump all of the way to the mean of the adapted parameters. What is epsilon for?",
        _reptile(join=lambda theta, ends, alpha, epsilon: ends.mean(0)),
    ),
    Wrong(
        "over_alpha",
        "The distance is divided by the inner step size. That would be right if you wanted a sum of gradients.",
        _reptile(join=lambda theta, ends, alpha, epsilon: theta + epsilon * (ends.mean(0) - theta) / alpha),
    ),
    Wrong(
        "sum_over_tasks",
        "Your step grows with the number of tasks. The mean of the ends is wanted.",
        _reptile(join=lambda theta, ends, alpha, epsilon: theta + epsilon * (ends - theta).sum(0)),
    ),
    Wrong(
        "one_step",
        "Only the first minibatch of each task is used: that is k = 1. What is left of Reptile then?",
        _reptile(pick=lambda losses: losses[:1]),
    ),
    Wrong(
        "same_minibatch",
        "The number of steps is right, but all of them are made on one minibatch of the task.",
        _reptile(pick=lambda losses: losses[:1] * len(losses)),
    ),
    Wrong(
        "gradients_at_start",
        "All gradients of a task are taken at theta, and added up. That is joint training again: where is the second "
        "gradient of an inner loop taken?",
        _reptile(moves=False),
    ),
    Wrong(
        "last_gradient",
        "You use the gradient at the end of the inner loop only, as FOMAML does. How far has Reptile come in all?",
        _reptile(keep=slice(-1, None)),
    ),
    Wrong(
        "tasks_leak",
        "The first task is right, the later ones start where the one before them ended.",
        _reptile(leak=True),
    ),
    Wrong(
        "serial",
        "You move theta after each task, so the second task starts elsewhere than the first. Here all tasks of a batch "
        "start from the same theta.",
        _serial,
    ),
)  # fmt: skip
