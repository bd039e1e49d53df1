"""The check of the exercise `meta_loss`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.oracles import (
    draw_network,
    draw_regression,
    network_error,
    network_slopes,
    same,
    two_layer_network,
    value_and_gradients,
)


def _draw_case(draw):
    """One to four tasks, once sixty, of one to six points, a network of one to five units, no inner step to four, or
    twelve, once sixty.

    Now and then the network fits the first task's support set: its slopes are 0, and the Jacobian alone is left. Or
    labels are in the tens, and slopes are long.
    """
    dtype = draw.choice(torch.float64, torch.float64, torch.float32)
    tasks, long = draw.integer(1, 4), draw.chance(0.1)
    steps = 12 if long else draw.integer(0, 4)
    tasks, steps = draw.once(18, 1, draw.once(17, 60, tasks)), draw.once(18, 60, draw.once(17, 1, steps))
    dtype, long = (torch.float64, True) if steps > 12 else (dtype, long)
    parameters = {n: v.requires_grad_() for n, v in draw_network(draw, draw.integer(1, 5), dtype).items()}
    alpha = draw.choice(0.0, *(draw.uniform(0.02, 0.25) for _ in range(7)))
    alpha = min(alpha, 0.0625) if long else alpha
    data = draw_regression(draw, tasks, dtype)
    if wide := dtype == torch.float64 and steps < 3 and draw.chance(0.3):
        data = [(xs, 16 * ys, xq, 16 * yq) for xs, ys, xq, yq in data]
    if fitted := draw.chance(0.15):
        xs, _, xq, yq = data[0]
        data[0] = (xs, two_layer_network(parameters, xs).detach(), xq, yq)
    return case(parameters, data, alpha, steps).noting(
        {
            "there are several tasks": tasks > 1,
            "there are more than two tasks": tasks > 2,
            "there are several steps": steps > 1,
            "there are more than three steps": steps > 3,
            "`parameters` has its names in the order w1, b1, w2, b2": list(parameters) == ["w1", "b1", "w2", "b2"],
            "there is no step": steps == 0,
            "the network fits a support set": fitted,
            "alpha is 0": alpha == 0,
            "labels are in the tens": wide,
            "everything is float32": dtype == torch.float32,
        }
    )


def _value_and_gradients(answer, parameters, data, alpha, steps):
    leaves = dict(parameters)
    return value_and_gradients(answer(parameters, data, alpha, steps), leaves)


def _written_out(parameters, data, alpha, steps):
    """The inner gradients by hand, so that autograd sees nothing but arithmetic and no graph can be cut."""
    total = 0.0
    for xs, ys, xq, yq in data:
        current = parameters
        for _ in range(steps):
            slopes = network_slopes(current, xs, ys)
            current = {name: current[name] - alpha * slopes[name] for name in current}
        total = total + network_error(current, xq, yq)
    return total / len(data)


def _oracle(parameters, data, alpha, steps):
    return _value_and_gradients(_written_out, parameters, data, alpha, steps)


def _meta_loss(keeps=None, on_support=False, leak=False, reduce=torch.mean, moving="w1 b1 w2 b2"):
    """The meta-loss with faults: which steps keep their graph, what the outer loss sees, where a task starts."""

    def answer(parameters, data, alpha, steps):
        found, current = [], dict(parameters)
        for xs, ys, xq, yq in data:
            current = current if leak else dict(parameters)
            for step in range(steps):
                slopes = torch.autograd.grad(
                    network_error(current, xs, ys),
                    list(current.values()),
                    create_graph=keeps is None or keeps(step, steps),
                    retain_graph=True,
                )
                pairs = zip(current.items(), slopes, strict=True)
                current = {name: v - alpha * s if name in moving.split() else v for (name, v), s in pairs}
            found.append(network_error(current, xs, ys) if on_support else network_error(current, xq, yq))
        return reduce(torch.stack(found))

    return answer


def _colleagues(late=True, in_turn=True, of_first=True):
    """The colleague's loss, with some of its bugs: the last query points judge all tasks, tensors step in turn, and
    every inner loss is divided by the number of the first task's support points."""

    def answer(parameters, data, alpha, steps):
        found, (_, _, last_x, last_y) = [], data[-1]
        for xs, ys, xq, yq in data:
            current, share = dict(parameters), len(xs) / len(data[0][0]) if of_first else 1.0
            for _ in range(steps):
                before = dict(current)
                for name in parameters:
                    at = {key: value.clone() for key, value in (current if in_turn else before).items()}
                    (slope,) = torch.autograd.grad(network_error(at, xs, ys), at[name], create_graph=True)
                    current[name] = current[name] - alpha * share * slope
            found.append(network_error(current, last_x, last_y) if late else network_error(current, xq, yq))
        return torch.stack(found).mean()

    return answer


def _root(parameters, data, alpha, steps):
    return _meta_loss(reduce=lambda losses: losses.mean().sqrt())(parameters, data, alpha, steps)


def _sum_inside(parameters, data, alpha, steps):
    """The inner loss as a sum over the support points."""
    return sum(_meta_loss()(parameters, [task], alpha * len(task[0]), steps) for task in data) / len(data)


def _of_data(change):
    """The right loss of other data, made of each task by this."""
    return lambda parameters, data, *rest: _meta_loss()(parameters, [change(*task) for task in data], *rest)


def _leaves(parameters):
    return {name: value.detach().requires_grad_() for name, value in parameters.items()}


def _last(step, steps):
    return step == steps - 1


def _never(step, steps):
    return False


check_meta_loss = function_check(
    "meta_loss",
    _oracle,
    _draw_case,
    Wrong(
        "no_graph",
        "Autograd is asked for the gradient of a number that carries no graph. Begin at the line where that is "
        "noticed and go upwards: where was the graph lost?",
        raises="element 0 of tensors does not require grad",
    ),
    Wrong(
        "graph_freed",
        "Autograd meets a graph that it has thrown away already. Which call had to keep its graph, because somebody "
        "differentiates through it later?",
        raises="backward through the graph a second time",
    ),
    Wrong(
        "as_it_was",
        "All three bugs are still there. Give the tasks in another order, and see whether the value stays.",
        _colleagues(),
    ),
    Wrong(
        "last_queries",
        "One task alone gives the right number, several do not: all of them are judged on the query points of the last "
        "one. When does a function look up a name that it does not define?",
        _colleagues(in_turn=False, of_first=False),
    ),
    Wrong(
        "in_turn",
        "The value of your loss depends on the order of the names in the dictionary. In the equation, at which "
        "parameters is the gradient of a step taken?",
        _colleagues(late=False, of_first=False),
    ),
    Wrong(
        "number_of_the_first",
        "Tasks with as many support points as the first one step as they should, the others do not. What is the mean "
        "of each divided by?",
        _colleagues(late=False, in_turn=False),
    ),
    Wrong(
        "outer_on_support",
        "The adapted network is judged on the points that it was adapted on; all else is right.",
        _meta_loss(on_support=True),
    ),
    Wrong(
        "tasks_leak",
        "One task alone gives the right number, several do not. From which parameters does the second task start?",
        _meta_loss(leak=True),
    ),
    Wrong(
        "graph_cut_early",
        "The value of the loss is right. Its gradient is right with one inner step and wrong with more. What about the "
        "steps before the last?",
        _meta_loss(_last),
    ),
    Wrong(
        "first_order",
        "The value of the loss is right, its gradient is FOMAML's: the slopes of all inner steps count as constants.",
        _meta_loss(_never),
    ),
    Wrong(
        "cut_off",
        "The value of the loss is right, and no gradient of it comes back to the parameters at all.",
        lambda p, data, alpha, steps: _meta_loss()(_leaves(p), data, alpha, steps).detach(),
    ),
    Wrong(
        "one_step",
        "One inner step is made, whatever K is.",
        lambda p, data, alpha, steps: _meta_loss()(p, data, alpha, 1),
    ),
    Wrong(
        "query_inside",
        "The inner loop descends the loss on the query points. What may it look at when a new task is met?",
        lambda p, data, alpha, steps: _meta_loss()(p, [task[2:] * 2 for task in data], alpha, steps),
    ),
    Wrong(
        "points_pooled",
        "A task with more query points counts more. Which mean is taken first in the equation?",
        lambda p, data, *a: (
            sum(_meta_loss()(p, [task], *a) * len(task[2]) for task in data) / sum(len(task[2]) for task in data)
        ),
    ),
    Wrong(
        "one_task_only",
        "One task counts, the others do not. What becomes of the losses of the others?",
        when=lambda got, p, data, *a: same(
            got, *(_value_and_gradients(_meta_loss(), p, [one], *a) for one in (data[0], data[-1]))
        ),
        everywhere=True,
    ),
    Wrong(
        "roles_swapped",
        "The inner loop descends the loss on the query points, and the support points judge. Which are which?",
        _of_data(lambda xs, ys, xq, yq: (xq, yq, xs, ys)),
    ),
    Wrong(
        "query_seen",
        "The inner loop sees the query points, too. What may it look at when a new task is met?",
        _of_data(lambda xs, ys, xq, yq: (torch.cat([xs, xq]), torch.cat([ys, yq]), xq, yq)),
    ),
    Wrong(
        "support_judges_too",
        "The adapted network is judged on all points, also on those that it was adapted on.",
        _of_data(lambda xs, ys, xq, yq: (xs, ys, torch.cat([xs, xq]), torch.cat([ys, yq]))),
    ),
    Wrong(
        "part_adapts",
        "Some of the parameters stay where they are in the inner loop. Which ones should move?",
        when=lambda got, *a: same(
            got,
            *(
                _value_and_gradients(_meta_loss(moving=names), *a)
                for names in ("w1 w2", "w2 b2", "w1 b1", "w2", "w1 b1 w2", "b1 b2")
            ),
        ),
        everywhere=True,
    ),
    Wrong(
        "sum_inside",
        "An inner step grows with the number of support points. Is its loss a sum, or a mean?",
        _sum_inside,
    ),
    Wrong(
        "root",
        "That is the root of the loss that is asked for.",
        _root,
    ),
    Wrong(
        "two_left",
        "One bug is gone, two are left. Change the order of the tasks, the order of the names, the number of support "
        "points.",
        when=lambda got, *a: same(
            got,
            *(_value_and_gradients(_colleagues(*(number != gone for number in range(3))), *a) for gone in range(3)),
        ),
        everywhere=True,
    ),
    Wrong(
        "sum_over_tasks",
        "Your loss grows with the number of tasks. It should be their mean.",
        _meta_loss(reduce=torch.sum),
    ),
    observe=_value_and_gradients,
    cases=32,
)
