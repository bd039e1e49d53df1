"""The check of the exercise `head_loss`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import leads_to
from metarl_core.check.ch06.head_answers import (
    HEAD,
    POSITIVE,
    detached,
    head_loss,
    partly_cut,
    steps,
    written_out,
)
from metarl_core.check.oracles import (
    draw_network,
    draw_regression,
    same,
    value_and_gradients,
)


def _draw_case(draw):
    """One to four tasks, once sixty, of one to six points, a network of one to five units, rates of either sign,
    some of them 0.

    Now and then labels are in the tens, and rates above 2: slopes are large then. In float32 that would leave too few
    digits to judge by.
    """
    dtype, tasks = draw.choice(torch.float64, torch.float64, torch.float32), draw.integer(1, 4)
    tasks = draw.once(17, 60, tasks)
    parameters = draw_network(draw, draw.integer(1, 5), dtype)
    wide = dtype == torch.float64 and draw.chance(0.2)
    spread = 2.0 if wide else 0.3
    rates = {name: draw.normal(*parameters[name].shape, dtype=dtype, scale=spread, mean=0.1) for name in parameters}
    if all_zero := draw.chance(0.15):
        rates = {name: torch.zeros_like(rate) for name, rate in rates.items()}
    rates = {name: rates[name] for name in (reversed(rates) if draw.chance(0.5) else list(rates))}
    negative = any(bool((rates[name] < 0).any()) for name in HEAD)
    leaves = [{name: value.requires_grad_() for name, value in one.items()} for one in (parameters, rates)]
    data = draw_regression(draw, tasks, dtype)
    if wide:
        data = [(xs, 16 * ys, xq, 16 * yq) for xs, ys, xq, yq in data]
    return case(*leaves, data).noting(
        {
            "there are several tasks": tasks > 1,
            "there are more than two tasks": tasks > 2,
            "w2 and b2 stand last in `parameters`": set(list(parameters)[2:]) == set(HEAD),
            "a rate of the head is above 0.5": any(bool((rates[name] > 0.5).any()) for name in HEAD),
            "each tensor of the head has one entry": parameters["w2"].numel() == 1,
            "a rate of the head is negative": negative,
            "labels are in the tens": wide,
            "all rates are 0": all_zero,
            "`rates` has its names in the order of `parameters`": list(rates) == list(parameters),
            "everything is float32": dtype == torch.float32,
        }
    )


def _colleagues(which="head", rate=lambda a: a, divided=True):
    """The colleague's code, with some of its bugs: what adapts, what is made of a rate, and slopes of a share of the
    inner loss that depends on the number of tasks."""
    return lambda p, rates, data: head_loss(which, lambda a: rate(a) / (len(data) if divided else 1))(p, rates, data)


def _value_and_gradients(answer, parameters, rates, data):
    leaves = {**parameters, **{"rate of " + name: value for name, value in rates.items()}}  # before they are touched
    return value_and_gradients(answer(parameters, rates, data), leaves)


def _oracle(parameters, rates, data):
    return _value_and_gradients(written_out, parameters, rates, data)


check_head_loss = function_check(
    "head_loss",
    _oracle,
    _draw_case,
    Wrong(
        "no_graph",
        "Autograd is asked for the gradient of a number that carries no graph. Begin at the line where that is "
        "noticed and go upwards: where was the graph lost?",
        raises="element 0 of tensors does not require grad",
    ),
    Wrong(
        "as_it_was",
        "That is the code as it was. Look at which tensors have moved, at the step where a rate is negative, and "
        "at the step of one task alone and among others.",
        _colleagues("body", torch.abs),
    ),
    Wrong(
        "divided_by_tasks",
        "One task alone makes the right step, and a shorter one where there are others. On what should its step "
        "depend?",
        _colleagues(),
    ),
    Wrong(
        "wrong_parameters",
        "The rates are learned and may be negative, but the parameters below the head adapt and the head does not.",
        head_loss("body"),
    ),
    Wrong(
        "all_adapt",
        "All parameters adapt. Which ones should?",
        head_loss("all"),
    ),
    Wrong(
        "rates_not_learned",
        "The value of the loss is right, and the gradient of every rate is zero: no optimiser can learn them. Where "
        "does their graph end?",
        head_loss(rate=detached),
    ),
    Wrong(
        "forced_positive",
        "The right parameters adapt, but something is made of each rate that is never negative before it is used.",
        when=leads_to(_value_and_gradients, *(head_loss(rate=function) for function in POSITIVE)),
    ),
    Wrong(
        "bias_forgotten",
        "The weights of the head adapt, its bias does not.",
        head_loss("weights"),
    ),
    Wrong(
        "body_cut",
        "The value is right and so are the gradients of the rates and of the head. What lies below the head gets none.",
        lambda p, rates, data: head_loss()(p | {n: p[n].detach() for n in ("w1", "b1")}, rates, data),
    ),
    Wrong(
        "weights_forgotten",
        "The bias of the head adapts, its weights do not.",
        head_loss("bias"),
    ),
    Wrong(
        "body_partly_cut",
        "The value is right and so are the gradients of the rates and of the head. What lies below the head gets "
        "a part of its gradient only: it counts in the support loss and in the query loss.",
        when=leads_to(_value_and_gradients, partly_cut(("w1", "b1"), (), ()), partly_cut((), ("w1", "b1"), ())),
    ),
    Wrong(
        "start_cut",
        "The value is right, and the gradients of the head lack the way that leads past the slopes: theta stands "
        "in the step itself, too.",
        when=leads_to(_value_and_gradients, partly_cut((), (), HEAD), partly_cut(HEAD, (), HEAD)),
    ),
    Wrong(
        "one_rate_a_tensor",
        "All entries of a tensor get one rate. In the equation each has its own.",
        when=leads_to(_value_and_gradients, 
            head_loss(rate=torch.mean), head_loss(rate=lambda a: a.flatten()[0]), head_loss(rate=torch.linalg.norm)
        ),
    ),
    Wrong(
        "two_steps",
        "Two steps are made. The equation has one.",
        steps(HEAD, HEAD),
    ),
    Wrong(
        "in_turn",
        "The second tensor of the head adapts to where the first has gone. Where does the equation take both slopes?",
        when=leads_to(_value_and_gradients, steps(("w2",), ("b2",)), steps(("b2",), ("w2",))),
    ),
    Wrong(
        "roles_swapped",
        "The step is made on the query points, and the support points judge. Which are which?",
        lambda p, rates, data: head_loss()(p, rates, [(xq, yq, xs, ys) for xs, ys, xq, yq in data]),
    ),
    Wrong(
        "one_task_only",
        "One task counts, the others do not. What becomes of the losses of the others?",
        when=lambda got, p, rates, data: same(
            got, *(_value_and_gradients(head_loss(), p, rates, [one]) for one in (data[0], data[-1]))
        ),
    ),
    Wrong(
        "points_pooled",
        "A task with more query points counts more. Which mean is taken first in the equation?",
        lambda p, rates, data: (
            sum(head_loss()(p, rates, [task]) * len(task[2]) for task in data) / sum(len(task[2]) for task in data)
        ),
    ),
    Wrong(
        "one_adaptation",
        "All tasks are judged with the head that was adapted to the first. Where does each get its own?",
        lambda p, rates, data: head_loss()(p, rates, [(*data[0][:2], *task[2:]) for task in data]),
    ),
    Wrong(
        "two_left",
        "One bug is gone, two are left. Compare which tensors differ from theta after the step, then the sign of the "
        "step where a rate is negative, then the step of one task alone and among others.",
        when=leads_to(
            _value_and_gradients,
            _colleagues("body"),
            _colleagues("head", torch.abs),
            _colleagues("body", torch.abs, divided=False),
        ),
    ),
    Wrong(
        "first_order",
        "The value is right and so are the gradients of the rates, but those of the parameters are first-order: the "
        "slopes of the step count as constants.",
        head_loss(graph=False),
    ),
    Wrong(
        "outer_on_support",
        "The step is right, but the adapted network is judged on the points that it was adapted on.",
        head_loss(on_support=True),
    ),
    Wrong(
        "uphill",
        "The step is as long as it should be, and leads uphill.",
        head_loss(sign=1),
    ),
    Wrong(
        "tasks_leak",
        "One task alone gives the right number, several do not. From which head does the second task start?",
        head_loss(leak=True),
    ),
    Wrong(
        "sum_over_tasks",
        "Your loss grows with the number of tasks. It should be their mean.",
        head_loss(reduce=torch.sum),
    ),
    observe=_value_and_gradients,
    cases=32,
)  # fmt: skip
