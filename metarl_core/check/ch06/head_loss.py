"""The check of the exercise `head_loss`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference
from metarl_core.check.oracles import central_differences, network_error

HEAD = ("w2", "b2")


def _network_cases():
    for seed, tasks in enumerate((3, 2, 4)):
        generator = torch.Generator().manual_seed(40 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        parameters = {"w1": draw(4, 1), "b1": draw(4), "w2": 0.5 * draw(1, 4), "b2": draw(1)}
        rates = {name: 0.3 * draw(*value.shape) for name, value in parameters.items()}
        rates["b2"] = -rates["b2"].abs() - 0.1  # a negative one in every case
        data = []
        for _ in range(tasks):
            size, phase, xs, xq = 1 + 2 * draw(1).abs(), draw(1), 2 * draw(5, 1), 2 * draw(7, 1)
            data.append((xs, size * (xs + phase).sin(), xq, size * (xq + phase).sin()))
        leaves = [{name: value.requires_grad_() for name, value in one.items()} for one in (parameters, rates)]
        yield case(*leaves, data)


def _value_and_gradients(answer, parameters, rates, data):
    loss = answer(parameters, rates, data)
    leaves = {**parameters, **{"rate of " + name: value for name, value in rates.items()}}
    slopes = [None] * len(leaves)
    if loss.requires_grad:
        slopes = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    slopes = [torch.zeros_like(v) if s is None else s for v, s in zip(leaves.values(), slopes, strict=True)]
    return {"loss": loss.detach(), **{f"gradient of {n}": s for n, s in zip(leaves, slopes, strict=True)}}


def _head_loss_by_differences(parameters, rates, data):
    """The value by plain steps; its gradients by differences of the value, so no graph can be cut."""
    start = {name: value.detach() for name, value in parameters.items()}
    start |= {"rate of " + name: value.detach() for name, value in rates.items()}

    def value(entries):
        theta = {name: entries[name] for name in parameters}
        total = 0.0
        for xs, ys, xq, yq in data:
            slopes = torch.func.grad(lambda p, x=xs, y=ys: network_error(p, x, y))(theta)
            moved = {name: theta[name] - entries["rate of " + name] * slopes[name] for name in HEAD}
            total = total + network_error(theta | moved, xq, yq)
        return total / len(data)

    result = {"loss": value(start)}
    for name, entry in start.items():

        def along(flat, name=name, entry=entry):
            return value(start | {name: flat.view_as(entry)})

        result[f"gradient of {name}"] = central_differences(along, entry.flatten()).view_as(entry)
    return result


def _head_loss(which="head", rate=lambda a: a, graph=True, on_support=False, reduce=torch.mean):
    """The loss with faults: which parameters adapt, what is made of a rate, whether the step is differentiated."""

    def answer(parameters, rates, data):
        chosen = {"head": HEAD, "body": ("w1", "b1"), "all": tuple(parameters)}[which]
        found = []
        for xs, ys, xq, yq in data:
            slopes = torch.autograd.grad(
                network_error(parameters, xs, ys), [parameters[n] for n in chosen], create_graph=graph
            )
            moved = {n: parameters[n] - rate(rates[n]) * s for n, s in zip(chosen, slopes, strict=True)}
            adapted = parameters | moved
            found.append(network_error(adapted, xs, ys) if on_support else network_error(adapted, xq, yq))
        return reduce(torch.stack(found))

    return answer


def _detached(a):
    return a.detach()


def _detached_positive(a):
    return a.detach().abs()


POSITIVE = (torch.abs, torch.relu, torch.exp, torch.nn.functional.softplus, torch.square)


def _one_of(*answers):
    """Recognised by the result of any of these answers."""
    return lambda got, *a: any(
        difference(got, _value_and_gradients(answer, *a), 1e-6, 1e-9) is None for answer in answers
    )


check_head_loss = function_check(
    "head_loss",
    _head_loss_by_differences,
    _network_cases,
    Wrong(
        "as_it_was",
        "That is the code as it was. Look at the gradient of each rate, at its sign, and at which tensors have moved.",
        _head_loss("body", _detached_positive),
    ),
    Wrong(
        "wrong_parameters",
        "The rates are learned and may be negative, but the parameters below the head adapt and the head does not.",
        _head_loss("body"),
    ),
    Wrong(
        "all_adapt",
        "All parameters adapt. Which ones should?",
        _head_loss("all"),
    ),
    Wrong(
        "rates_not_learned",
        "The value of the loss is right, and the gradient of every rate is zero: no optimiser can learn them. Where "
        "does their graph end?",
        _head_loss(rate=_detached),
    ),
    Wrong(
        "forced_positive",
        "The right parameters adapt and the rates have gradients, but a negative rate does not act as one.",
        when=_one_of(*(_head_loss(rate=function) for function in POSITIVE)),
    ),
    Wrong(
        "two_left",
        "One bug is gone, two are left. Compare which tensors differ from theta after the step, then the sign of the "
        "step where a rate is negative, then the gradient of the rates.",
        when=_one_of(
            _head_loss("body", _detached), _head_loss("body", torch.abs), _head_loss("head", _detached_positive)
        ),
    ),
    Wrong(
        "first_order",
        "The value is right and so are the gradients of the rates, but those of the parameters are first-order: the "
        "step is not differentiated.",
        _head_loss(graph=False),
    ),
    Wrong(
        "outer_on_support",
        "The step is right, but the adapted network is judged on the points that it was adapted on.",
        _head_loss(on_support=True),
    ),
    Wrong(
        "sum_over_tasks",
        "Your loss grows with the number of tasks. It should be their mean.",
        _head_loss(reduce=torch.sum),
    ),
    observe=_value_and_gradients,
)  # fmt: skip
