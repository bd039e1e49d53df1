"""The check of the exercise `meta_gradient`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """1 to 4 inputs, 1 to 4 tasks, 1 to 6 samples on either side, of other numbers in each task."""
    size, number = draw.integer(1, 4), draw.choice(1, *[draw.integer(2, 4)] * 4)
    number = draw.once(17, 9, number)
    inner_lr = draw.choice(0.0, *[draw.uniform(0.05, 0.5)] * 7)
    tasks = []
    for _ in range(number):
        data = []
        for _ in range(2):
            samples = draw.integer(1, 6)
            data.append((draw.normal(samples, size), draw.skewed(samples, scale=2.0)))
        tasks.append(tuple(data))
    return case(draw.normal(size), tasks, inner_lr).noting(
        {
            "there is more than one task": number > 1,
            "the inner step size is 0": inner_lr == 0,
            "support and query have different sizes": any(len(s[1]) != len(q[1]) for s, q in tasks),
        }
    )


def _by_hand(weights, tasks, inner_lr):
    """(I − α H) times the query's slope at the adapted weights, with H = 2 XᵀX / n; the mean over tasks."""
    total = torch.zeros_like(weights)
    for (x, y), (far, target) in tasks:
        hessian = 2 * x.T @ x / len(y)
        adapted = weights - inner_lr * (hessian @ weights - 2 * x.T @ y / len(y))
        outer = 2 * far.T @ (far @ adapted - target) / len(target)
        total += outer - inner_lr * hessian @ outer
    return total / len(tasks)


def _gradient(cut=False, leaks=False, own=False, total=False, no_step=False, sign=-1.0, summed=False):
    """The gradient by autograd, a part of it changed.

    `cut`: the adapted weights are copies; `leaks`: each task starts from the one before it; `own`: the outer loss is
    that of the support; `total`: the sum over tasks; `summed`: losses are sums over samples.
    """

    def answer(weights, tasks, inner_lr):
        def loss(w, data):
            x, y = data
            wrong = (x @ w - y).square()
            return wrong.sum() if summed else wrong.mean()

        theta = weights.detach().clone().requires_grad_()
        start, found, slopes = theta, 0.0, torch.zeros_like(weights)
        for support, query in tasks:
            now = start
            if not no_step:
                (slope,) = torch.autograd.grad(loss(start, support), start, create_graph=True)
                now = start + sign * inner_lr * slope
            if cut:
                now = now.detach().requires_grad_()
                slopes = slopes + torch.autograd.grad(loss(now, support if own else query), now)[0]
            else:
                found = found + loss(now, support if own else query)
            start = now if leaks else theta
        gradient = slopes if cut else torch.autograd.grad(found, theta)[0]
        return gradient if total else gradient / len(tasks)

    return answer


check_meta_gradient = function_check(
    "meta_gradient",
    _by_hand,
    _draw_case,
    Wrong(
        "as_it_was",
        "All three bugs are still there.",
        _gradient(cut=True, leaks=True, own=True),
    ),
    Wrong(
        "cut",
        "Each task begins at theta, and the query is asked. But your gradient is the one *at the adapted weights*. How "
        "does theta enter these?",
        _gradient(cut=True),
    ),
    Wrong(
        "leaks",
        "The graph is there, and the query is asked. Turn the order of the tasks round: why does the result change?",
        _gradient(leaks=True),
    ),
    Wrong(
        "own_support",
        "The graph is there, and each task begins at theta. Which data does your outer loss look at?",
        _gradient(own=True),
    ),
    Wrong(
        "cut_and_leaks",
        "One of the three bugs is repaired, two are left.",
        _gradient(cut=True, leaks=True),
    ),
    Wrong(
        "cut_and_own",
        "One of the three bugs is repaired, two are left.",
        _gradient(cut=True, own=True),
    ),
    Wrong(
        "leaks_and_own",
        "One of the three bugs is repaired, two are left.",
        _gradient(leaks=True, own=True),
    ),
    Wrong("total", "Your gradient is that of a sum over tasks.", _gradient(total=True)),
    Wrong("summed", "Your losses are sums over samples.", _gradient(summed=True)),
    Wrong("no_step", "Your gradient is that of the query loss at theta itself.", _gradient(no_step=True)),
    Wrong("uphill", "Your inner step climbs.", _gradient(sign=1.0)),
)
