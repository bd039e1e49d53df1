"""The check of the exercise `reptile_with_adam`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """One to four tasks of one to nine samples with labels −1 and 1, stored sorted; minibatches of one to ten.

    Now and then one feature is tiny, so that the 1e-8 under the fraction counts; beta is 0.999 unless it is given.
    """
    tasks, features, size = draw.integer(1, 4), draw.integer(1, 3), draw.integer(1, 10)
    beta = draw.choice(None, None, 0.0, draw.uniform(0.3, 0.95))
    tiny = draw.chance(0.3)
    data, orders = [], []
    for _ in range(tasks):
        samples = draw.integer(2, 9)
        x = draw.choice(1.0, 3.0) * draw.normal(samples, features, mean=0.5)
        if tiny:
            x[:, -1] *= 1e-7
        data.append((x, draw.flags(samples, share=0.4).double().mul(2).sub(1).sort().values))
        orders.append(torch.tensor(draw.permutation(samples)))
    alpha = draw.choice(0.0, *(draw.uniform(0.02, 0.5) for _ in range(7)))
    given = {} if beta is None else {"beta": beta}
    return case(draw.normal(features), data, orders, alpha, size, **given).noting(
        {
            "there are several tasks": tasks > 1,
            "some minibatch is smaller than the others": any(len(o) > size and len(o) % size for o in orders),
            "every task fits into one minibatch": all(len(o) <= size for o in orders),
            "beta is given": beta is not None,
            "a feature is tiny": tiny,
        }
    )


def _adam_by_definition(theta, tasks, orders, alpha, size, beta=0.999, tiny=1e-8):
    """v̂ written out as the weighted mean of all squared gradients of the task so far; gradients sample by sample."""
    away = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, slopes, left = theta, [], order.tolist()
        while left:
            chosen, left = left[:size], left[size:]
            slopes.append(sum(2 * (x[i] @ phi - y[i]) * x[i] for i in chosen) / len(chosen))
            weights = [beta ** (len(slopes) - 1 - s) for s in range(len(slopes))]
            mean_square = sum(w * s**2 for w, s in zip(weights, slopes, strict=True)) / sum(weights)
            phi = phi - alpha * slopes[-1] / (mean_square.sqrt() + tiny)
        away.append(theta - phi)
    return sum(away) / len(away)


def _adam(
    permuted="both", new_state="task", new_count="task", sign=1.0, corrected=True, divided=True, remainder=True,
    fixed=None, inside=False, tiny=1e-8, order_of=lambda order: order, over_size=False, plain=False, pieces=False,
):  # fmt: skip
    """The direction with faults: data order, when the state and its count begin anew, the correction, and so on."""

    def answer(theta, tasks, orders, alpha, size, beta=0.999):
        beta = beta if fixed is None else fixed
        total, second, count = torch.zeros_like(theta), torch.zeros_like(theta), 0
        given = size
        for (x, y), order in zip(tasks, map(order_of, orders), strict=True):
            size = -(-len(x) // given) if pieces else given
            second = torch.zeros_like(theta) if new_state != "never" else second
            count = 0 if new_count != "never" else count
            phi = theta
            for at in range(0, len(x) if remainder else len(x) - size + 1, size):
                if new_state == "step":
                    second, count = torch.zeros_like(theta), 0
                stored, chosen = torch.arange(len(x))[at : at + size], order[at : at + size]
                xs = x[stored if permuted == "nothing" else chosen]
                ys = y[chosen if permuted == "both" else stored]
                slope = 2 * xs.T @ (xs @ phi - ys) / (size if over_size else len(xs))
                second = second + slope.square() if plain else beta * second + (1 - beta) * slope.square()
                count += 1
                mean_square = second / (count if plain else 1 - beta**count if corrected else 1)
                phi = phi - alpha * slope / ((mean_square + tiny).sqrt() if inside else mean_square.sqrt() + tiny)
            total = total + sign * (theta - phi)
        return total / (len(tasks) if divided else 1)

    return answer


check_reptile_with_adam = function_check(
    "reptile_with_adam",
    _adam_by_definition,
    _draw_case,
    Wrong(
        "as_it_was",
        "That is the code as it was. Give it the tasks in another order, and the samples in another order, and look "
        "what changes.",
        _adam(permuted="nothing", new_state="never", new_count="never"),
    ),
    Wrong(
        "ordered_by_label",
        "Adam is right, but the minibatches are cut in the order in which the samples are stored. What do the labels "
        "of the first minibatch have in common?",
        _adam(permuted="nothing"),
    ),
    Wrong(
        "labels_not_permuted",
        "The samples are permuted and their labels are not. Whose label does a sample get?",
        _adam(permuted="samples"),
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
        "beta_fixed",
        "That is right for beta = 0.999, whatever beta is. Which numbers in the equation depend on it?",
        _adam(fixed=0.999),
    ),
    Wrong(
        "inside_the_root",
        "The 1e-8 is added before the root is taken. In the equation it stands after it.",
        _adam(inside=True),
    ),
    Wrong(
        "remainder_dropped",
        "Samples that do not fill a minibatch are dropped. One pass sees every sample.",
        _adam(remainder=False),
    ),
    Wrong(
        "without_the_small_number",
        "Nothing is added to the root. What if a gradient is tiny?",
        _adam(tiny=0.0),
    ),
    Wrong(
        "squares_alike",
        "All squared gradients of a task count alike. What is beta for?",
        _adam(plain=True),
    ),
    Wrong(
        "over_size",
        "Each gradient is a sum over its samples divided by `size`. How many are in the last minibatch?",
        _adam(over_size=True),
    ),
    Wrong(
        "number_of_minibatches",
        "`size` is the number of samples in a minibatch, not the number of minibatches.",
        _adam(pieces=True),
    ),
    Wrong(
        "inverse_permutation",
        "You use the inverse of the permutation. Is order[i] the place that sample i goes to, or the sample that comes "
        "to place i?",
        _adam(order_of=torch.argsort),
    ),
    Wrong(
        "backwards",
        "The permuted samples are used from the last to the first.",
        _adam(order_of=lambda order: order.flip(0)),
    ),
    Wrong(
        "sign",
        "This is φ − θ. An optimiser that descends needs the opposite.",
        _adam(sign=-1.0),
    ),
    Wrong(
        "sum_over_tasks",
        "Your direction grows with the number of tasks. The mean is wanted.",
        _adam(divided=False),
    ),
    rtol=1e-6,
    atol=1e-9,
    cases=40,
)  # fmt: skip
