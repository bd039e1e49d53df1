"""The check of the exercise `spread_gradient`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.revisited import after_another


def _draw_case(draw):
    """1 to 4 ranks with 1 to 4 tasks each, once 9, in any order; 1 to 6 points of a task, 1 to 3 inputs."""
    ranks, size = draw.choice(1, *[draw.integer(2, 4)] * 7), draw.integer(1, 3)
    counts = [draw.integer(1, 4) for _ in range(ranks)]
    if draw.chance(0.4):
        counts = [counts[0]] * ranks
    counts[0] = draw.once(13, 9, counts[0])
    tasks, points = sum(counts), draw.integer(1, 6)
    order = draw.permutation(tasks)
    ends = list(itertools.accumulate(counts, initial=0))
    shares = [order[start:end] for start, end in itertools.pairwise(ends)]
    inner_lr = draw.choice(0.0, *[draw.uniform(0.02, 0.4)] * 7)
    return case(
        draw.normal(size), draw.skewed(tasks, 2, points, size), draw.skewed(tasks, 2, points, scale=2.0), shares,
        inner_lr,
    ).noting(
        {
            "there is one rank": ranks == 1,
            "all ranks have as many tasks": len(set(counts)) == 1,
            "ranks have different numbers of tasks": len(set(counts)) > 1,
            "a rank has one task": 1 in counts,
            "every rank has one task": set(counts) == {1},
            "the inner step size is 0": inner_lr == 0,
            "other data were asked about with the same shares before": _asked_before(shares),
        }
    )  # fmt: skip


def _asked_before(shares):
    return shares[0][0] % 2 == 1


def _of_other_data(theta, inputs, targets, *rest):
    return theta + 1, -inputs, targets - 1, *rest


def _looked_at(answer, *arguments):
    return after_another(_of_other_data, lambda *a: _asked_before(a[3]))(answer, *arguments)


def _by_hand(theta, inputs, targets, shares, inner_lr):
    """Task by task in numpy, with the Hessian of the inner loss written out."""
    total = np.zeros(len(theta))
    for x, y in zip(inputs.numpy(), targets.numpy(), strict=True):
        slope = 2 * x[0].T @ (x[0] @ theta.numpy() - y[0]) / len(y[0])
        hessian = 2 * x[0].T @ x[0] / len(y[0])
        outer = 2 * x[1].T @ (x[1] @ (theta.numpy() - inner_lr * slope) - y[1]) / len(y[1])
        total += outer - inner_lr * hessian @ outer
    return torch.from_numpy(total / len(inputs))


def _summed(
    shared=False, equal=False, twice=False, first_order=False, total=False, at_start=False, uphill=False,
    across=False, whole_mean=False, exchanged=False,
):  # fmt: skip
    """The gradient by autograd, a part of it changed.

    `shared`: one inner step on the mean of a rank's tasks; `equal`: every rank weighs the same; `twice`: divided by the
    number of ranks once more; `across`: one inner step on the mean of all tasks; `whole_mean`: a mean is
    divided by T.
    """

    def answer(theta, inputs, targets, shares, inner_lr):
        tasks, found = len(inputs), torch.zeros_like(theta)
        support, query = (1, 0) if exchanged else (0, 1)

        def loss(weights, part, task):
            return (inputs[task, part] @ weights - targets[task, part]).square().mean()

        def moved(start, group):
            mean = torch.stack([loss(start, support, task) for task in group]).mean()
            (slope,) = torch.autograd.grad(mean, start, create_graph=not first_order)
            return start + inner_lr * slope if uphill else start - inner_lr * slope

        for own in shares:
            start = theta.detach().clone().requires_grad_()
            groups = [own if shared else range(tasks) if across else [task] for task in own]
            ends = [start if at_start else moved(start, group) for group in groups]
            losses = torch.stack([loss(end, query, task) for end, task in zip(ends, own, strict=True)])
            (gradient,) = torch.autograd.grad(losses.sum(), start)
            weight = 1 / (len(own) * len(shares)) if equal else 1 if total else 1 / tasks
            weight = weight / len(own) if whole_mean else weight
            found += gradient * weight / (len(shares) if twice else 1)
        return found

    return answer


BUGS = {"shared": True, "equal": True, "twice": True}
LEFT = [dict(pair) for pair in itertools.combinations(BUGS.items(), 2)]

check_spread_gradient = function_check(
    "spread_gradient",
    _by_hand,
    _draw_case,
    Wrong("as_it_was", "All three bugs are still there.", _summed(**BUGS)),
    Wrong(
        "averaged_twice",
        "Two of the three are repaired. Your gradient is too small by the number of ranks: how often is it averaged?",
        _summed(twice=True),
    ),
    Wrong(
        "mean_of_means",
        "Two of the three are repaired. A rank with one task weighs as much as a rank with four.",
        _summed(equal=True),
    ),
    Wrong(
        "shared_step",
        "Two of the three are repaired. All tasks of a rank are adapted to by one step. Whose step is it?",
        _summed(shared=True),
    ),
    *(Wrong("_and_".join(pair), "One of the three is repaired, two are left.", _summed(**pair)) for pair in LEFT),
    Wrong(
        "share_of_mean",
        "The three bugs are gone. Each rank's mean is divided by all tasks: what is its share?",
        _summed(whole_mean=True),
    ),
    Wrong(
        "step_of_all",
        "Gradients are weighed rightly. Your inner step is taken on all tasks of all ranks.",
        _summed(across=True),
    ),
    Wrong("sum", "The three bugs are gone. Your gradient is the sum over tasks.", _summed(total=True)),
    Wrong(
        "first_order",
        "The three bugs are gone. The gradient leaves out what the inner step does when theta moves.",
        _summed(first_order=True),
    ),
    Wrong("never_adapted", "The three bugs are gone. Where is the inner step?", _summed(at_start=True)),
    Wrong("uphill", "The three bugs are gone. Your inner step climbs.", _summed(uphill=True)),
    Wrong(
        "exchanged", "The three bugs are gone. You adapt to the query and measure on the support.",
        _summed(exchanged=True),
    ),
    observe=_looked_at,
)  # fmt: skip
