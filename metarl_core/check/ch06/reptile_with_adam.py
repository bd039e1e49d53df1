"""The check of the exercise `reptile_with_adam`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import given_by
from metarl_core.check.ch06.adam_answers import adam, by_definition, corrected_once, one_chain


def _draw_case(draw):
    """One to four tasks, once sixty, of two to nine samples, or sixty, labels −1 and 1, stored sorted; minibatches
    of one to ten.

    Now and then one feature is tiny, so that the 1e-8 under the fraction counts; beta is 0.999 unless it is given.
    """
    tasks, features, size = draw.integer(1, 4), draw.integer(1, 3), draw.integer(1, 10)
    beta = draw.choice(None, None, 0.0, draw.uniform(0.3, 0.95))
    tiny, many = draw.chance(0.3), draw.chance(0.1)
    size, tasks = draw.integer(1, 2) if many else size, draw.once(17, 60, tasks)
    data, orders = [], []
    for _ in range(tasks):
        samples = 60 if many else draw.integer(2, 9)
        x = draw.choice(1.0, 3.0) * draw.normal(samples, features, mean=0.5)
        if tiny:
            x[:, -1] *= 1e-7
        data.append((x, draw.flags(samples, share=0.4).double().mul(2).sub(1).sort().values))
        orders.append(torch.tensor(draw.permutation(samples)))
    alpha = draw.choice(0.0, *(draw.uniform(0.02, 0.5) for _ in range(7)))
    given = {} if beta is None else {"beta": beta}
    return case(draw.normal(features), data, orders, alpha, size, **given).noting(
        {
            "theta has one entry": features == 1,
            "there are several tasks": tasks > 1,
            "there are more than two tasks": tasks > 2,
            "a task has more than ten minibatches": many,
            "some minibatch is smaller than the others": any(len(o) > size and len(o) % size for o in orders),
            "every task fits into one minibatch": all(len(o) <= size for o in orders),
            "beta is given": beta is not None,
            "a feature is tiny": tiny,
        }
    )


check_reptile_with_adam = function_check(
    "reptile_with_adam",
    by_definition,
    _draw_case,
    Wrong(
        "as_it_was",
        "That is the code as it was. Whose label does each sample get, and which samples are never used?",
        adam(permuted="samples", remainder=False),
    ),
    Wrong(
        "ordered_by_label",
        "Adam is right, but the minibatches are cut in the order in which the samples are stored. What do the labels "
        "of the first minibatch have in common?",
        adam(permuted="nothing"),
    ),
    Wrong(
        "labels_not_permuted",
        "The samples are permuted and their labels are not. Whose label does a sample get?",
        adam(permuted="samples"),
    ),
    Wrong(
        "state_shared",
        "The minibatches are right and the first task is, too. What does the second task inherit from the first?",
        adam(new_state="never", new_count="never"),
    ),
    Wrong(
        "count_shared",
        "The running mean begins anew for each task, but its bias correction does not know that.",
        adam(new_count="never"),
    ),
    Wrong(
        "mean_square_shared",
        "The count of steps begins anew for each task, but the running mean of squares does not.",
        adam(new_state="never"),
    ),
    Wrong(
        "new_at_each_step",
        "Your optimiser forgets everything at each step. All minibatches of *one* task share its state.",
        adam(new_state="step"),
    ),
    Wrong(
        "no_correction",
        "The running mean of squares starts at zero and is used as it is: the first steps are far too long.",
        adam(corrected=False),
    ),
    Wrong(
        "beta_fixed",
        "That is right for beta = 0.999, whatever beta is. Which numbers in the equation depend on it?",
        adam(fixed=0.999),
    ),
    Wrong(
        "inside_the_root",
        "The 1e-8 is added before the root is taken. In the equation it stands after it.",
        adam(inside=True),
    ),
    Wrong(
        "remainder_dropped",
        "Samples that do not fill a minibatch are dropped. One pass sees every sample.",
        adam(remainder=False),
    ),
    Wrong(
        "without_the_small_number",
        "Nothing is added to the root. What if a gradient is tiny?",
        adam(tiny=0.0),
    ),
    Wrong(
        "squares_alike",
        "All squared gradients of a task count alike. What is beta for?",
        adam(plain=True),
    ),
    Wrong(
        "over_size",
        "Each gradient is a sum over its samples divided by `size`. How many are in the last minibatch?",
        adam(over_size=True),
    ),
    Wrong(
        "number_of_minibatches",
        "`size` is the number of samples in a minibatch, not the number of minibatches.",
        adam(pieces=True),
    ),
    Wrong(
        "inverse_permutation",
        "You use the inverse of the permutation. Is order[i] the place that sample i goes to, or the sample that comes "
        "to place i?",
        adam(order_of=torch.argsort),
    ),
    Wrong(
        "backwards",
        "The permuted samples are used from the last to the first.",
        adam(order_of=lambda order: order.flip(0)),
    ),
    Wrong(
        "sign",
        "This is φ − θ. An optimiser that descends needs the opposite.",
        adam(sign=-1.0),
    ),
    Wrong(
        "sum_over_tasks",
        "Your direction grows with the number of tasks. The mean is wanted.",
        adam(divided=False),
    ),
    Wrong(
        "beta_default",
        "That is right where beta is given. What is it otherwise?",
        when=given_by(*(adam(default=beta) for beta in (0.9, 0.99, 0.9999))),
    ),
    Wrong(
        "tasks_leak",
        "Adam is right, and the second task starts from where the first one ended. Where should it start?",
        when=given_by(adam(carried=True), one_chain),
    ),
    Wrong(
        "order_twice",
        "The samples are permuted twice.",
        adam(order_of=lambda order: order[order]),
    ),
    Wrong(
        "one_minibatch",
        "Each task makes one step, on all of its samples. What is `size` for?",
        lambda theta, tasks, orders, alpha, size, **given: adam()(theta, tasks, orders, alpha, 10**6, **given),
    ),
    Wrong(
        "momentum",
        "The slopes are averaged over steps, as in Adam with β₁ = 0.9. Equation (5) has no momentum.",
        adam(momentum=0.9),
    ),
    Wrong(
        "weights_swapped",
        "The running mean gives the old squares the weight 1 − β and the new one β.",
        adam(mean_of=lambda v, g, beta, count: (1 - beta) * v + beta * g.square()),
    ),
    Wrong(
        "begins_with_first_square",
        "Your running mean begins with the first square instead of 0, and is then corrected as if it had begun with 0.",
        adam(mean_of=lambda v, g, beta, count: g.square() if count == 1 else beta * v + (1 - beta) * g.square()),
    ),
    Wrong(
        "correction_miscounted",
        "The running mean is right, and its correction is made for another step than this.",
        when=given_by(adam(late=1), corrected_once),
    ),
    Wrong(
        "not_a_root",
        "The gradient is divided by the mean square, not by its root.",
        when=given_by(adam(update=lambda g, v: g / (v + 1e-8)), adam(update=lambda g, v: g / v)),
    ),
    Wrong(
        "draws",
        "A global generator is drawn from. The permutations are handed in.",
        fault="global draws",
    ),
    Wrong(
        "in_place",
        "An argument is changed in place. The caller still needs theta, the samples and the permutations as they were.",
        fault="changed arguments",
    ),
    cases=40,
)  # fmt: skip
