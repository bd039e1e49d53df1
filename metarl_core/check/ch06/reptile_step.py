"""The check of the exercise `reptile_step`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch06.reptile_answers import by_hand, every_point, first_missing, rate_shared, reptile, serial
from metarl_core.check.oracles import CurvedLoss, same
from metarl_core.check.revisited import after_another


def _draw_case(draw):
    """One to four tasks, once sixty, of one to four minibatches, or ten, once sixty, in one to four dimensions.

    Now and then a slope is longer than 10.
    """
    size, tasks, k = draw.integer(1, 4), draw.integer(1, 4), draw.integer(1, 4)
    scale = 32.0 if draw.chance(0.1) else 1.0
    tasks = draw.once(17, 60, tasks)
    alpha = draw.choice(0.0, 1.0, *(draw.uniform(0.1, 1.2) for _ in range(6))) / scale
    epsilon = draw.choice(0.0, 1.0, *(draw.uniform(0.1, 1.3) for _ in range(6)))
    k = 10 if draw.chance(0.1) else k
    k = draw.once(23, 60, k)
    repeated = k > 1 and draw.chance(0.2)
    losses = [
        [CurvedLoss(draw, size, scale) for _ in range(1 if repeated else k)] * (k if repeated else 1)
        for _ in range(tasks)
    ]
    return case(draw.normal(size, scale=2, mean=1), losses, alpha, epsilon).noting(
        {
            "theta has one entry": size == 1,
            "there is one task only": tasks == 1,
            "there are more than two tasks": tasks > 2,
            "an inner loop has several steps": k > 1,
            "alpha is 0": alpha == 0,
            "epsilon is 1": epsilon == 1,
            "epsilon is above 1": epsilon > 1,
            "an inner loop has ten steps or more": k > 4,
            "the losses are steep": scale > 1,
            "the same losses were asked about at another theta before": _asked_before(k),
            "all minibatches of a task are the same": repeated,
        }
    )


def _asked_before(k):
    return k in (1, 3)


check_reptile_step = function_check(
    "reptile_step",
    by_hand,
    _draw_case,
    Wrong(
        "no_graph",
        "Autograd is asked for the gradient of a number that carries no graph. Begin at the line where that is "
        "noticed: which tensor should have asked for a gradient before the loss was computed?",
        raises="element 0 of tensors does not require grad",
    ),
    Wrong(
        "sign",
        "Your step leads away from where the tasks' inner loops ended. Reptile moves towards that.",
        reptile(join=lambda theta, ends, alpha, epsilon: theta - epsilon * (ends.mean(0) - theta)),
    ),
    Wrong(
        "outer_step_ignored",
        "You jump all of the way to the mean of the adapted parameters. What is epsilon for?",
        reptile(join=lambda theta, ends, alpha, epsilon: ends.mean(0)),
    ),
    Wrong(
        "over_alpha",
        "The distance is divided by the inner step size. That would be right if you wanted a sum of gradients.",
        reptile(join=lambda theta, ends, alpha, epsilon: theta + epsilon * (ends.mean(0) - theta) / alpha),
    ),
    Wrong(
        "weights_swapped",
        "You mix theta and the mean of the ends, with the weight of one at the other. Where should epsilon = 0 leave "
        "you?",
        reptile(join=lambda theta, ends, alpha, epsilon: epsilon * theta + (1 - epsilon) * ends.mean(0)),
    ),
    Wrong(
        "sum_over_tasks",
        "Your step grows with the number of tasks. The mean of the ends is wanted.",
        reptile(join=lambda theta, ends, alpha, epsilon: theta + epsilon * (ends - theta).sum(0)),
    ),
    Wrong(
        "last_task_only",
        "Only the last task of the batch counts. What becomes of the ends of the others?",
        reptile(join=lambda theta, ends, alpha, epsilon: theta + epsilon * (ends[-1] - theta)),
    ),
    Wrong(
        "one_step",
        "Only the first minibatch of each task is used: that is k = 1. What is left of Reptile then?",
        reptile(pick=lambda losses: losses[:1]),
    ),
    Wrong(
        "same_minibatch",
        "The number of steps is right, but all of them are made on one minibatch of the task.",
        reptile(pick=lambda losses: losses[:1] * len(losses)),
    ),
    Wrong(
        "gradients_at_start",
        "All gradients of a task are taken at theta, and added up. That is joint training again: where is the second "
        "gradient of an inner loop taken?",
        reptile(moves=False),
    ),
    Wrong(
        "gradients_averaged_at_start",
        "Each task makes one step, on the mean loss of its minibatches. The inner loop makes a step on each in turn.",
        reptile(moves=False, reduce=torch.mean),
    ),
    Wrong(
        "gradients_averaged",
        "The gradients of a task are averaged, not added up: its inner loop comes k times less far than it went.",
        reptile(reduce=torch.mean),
    ),
    Wrong(
        "reversed",
        "The minibatches of a task are taken from the last to the first.",
        reptile(pick=lambda losses: losses[::-1]),
    ),
    Wrong(
        "one_missing",
        "The last minibatch of each task makes no step.",
        reptile(pick=lambda losses: losses[:-1] or losses),
    ),
    Wrong(
        "first_missing",
        "The first minibatch of each task makes no step.",
        first_missing,
    ),
    Wrong(
        "every_point",
        "All points of an inner loop count in your mean. Which of them has Reptile to do with?",
        every_point,
    ),
    Wrong(
        "uphill",
        "The inner loop goes uphill.",
        lambda theta, tasks, alpha, epsilon: reptile()(theta, tasks, -alpha, epsilon),
    ),
    Wrong(
        "rate_shared",
        "The inner step size is divided by the number of minibatches. Each of them makes a whole step.",
        rate_shared,
    ),
    Wrong(
        "ends_added_up",
        "The ends of the inner loops are added up before theta is taken off. Where would you be if all tasks ended at "
        "theta?",
        reptile(join=lambda theta, ends, alpha, epsilon: theta + epsilon * (ends.sum(0) - theta)),
    ),
    Wrong(
        "epsilon_shared",
        "The outer step size is divided by the number of tasks, and the mean has done so already.",
        reptile(join=lambda theta, ends, alpha, epsilon: theta + epsilon / len(ends) * (ends.mean(0) - theta)),
    ),
    Wrong(
        "direction",
        "That is the step, or its direction. Asked for is where it leads.",
        when=lambda got, theta, tasks, alpha, epsilon: same(
            got, *(by_hand(theta, tasks, alpha, size) - theta for size in (epsilon, 1.0))
        ),
    ),
    Wrong(
        "step_sizes_swapped",
        "The inner loop makes steps of size epsilon, and the outer one of size alpha.",
        lambda theta, tasks, alpha, epsilon: reptile()(theta, tasks, epsilon, alpha),
    ),
    Wrong(
        "last_gradient",
        "You use the gradient at the end of the inner loop only, as FOMAML does. How far has Reptile come in all?",
        reptile(keep=slice(-1, None)),
    ),
    Wrong(
        "tasks_leak",
        "The first task is right, the later ones start where the one before them ended.",
        reptile(leak=True),
    ),
    Wrong(
        "serial",
        "You move theta after each task, so the second task starts elsewhere than the first. Here all tasks of a batch "
        "start from the same theta.",
        serial,
    ),
    Wrong(
        "draws",
        "A global generator is drawn from. The minibatches have an order already.",
        fault="global draws",
    ),
    Wrong(
        "in_place",
        "An argument is changed in place: theta, or a list. The caller still needs it as it was.",
        fault="changed arguments",
    ),
    observe=after_another(
        lambda theta, *rest: (theta + 1, *rest), lambda theta, tasks, *rest: _asked_before(len(tasks[0]))
    ),
    cases=40,
)  # fmt: skip
