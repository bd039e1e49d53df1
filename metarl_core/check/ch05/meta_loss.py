"""The check of the exercise `meta_loss`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference
from metarl_core.check.oracles import central_differences, network_error


def _network_cases():
    for seed, (tasks, alpha, steps) in enumerate(((3, 0.2, 2), (2, 0.15, 3), (3, 0.25, 2))):
        generator = torch.Generator().manual_seed(30 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        parameters = {"w1": draw(4, 1), "b1": draw(4), "w2": 0.5 * draw(1, 4), "b2": draw(1)}
        parameters = {name: value.requires_grad_() for name, value in parameters.items()}
        data = []
        for _ in range(tasks):
            size, phase, xs, xq = 1 + 2 * draw(1).abs(), draw(1), 2 * draw(5, 1), 2 * draw(7, 1)
            data.append((xs, size * (xs + phase).sin(), xq, size * (xq + phase).sin()))
        yield case(parameters, data, alpha, steps)


def _value_and_gradients(answer, parameters, data, alpha, steps):
    loss = answer(parameters, data, alpha, steps)
    leaves = list(parameters.values())
    slopes = [None] * len(leaves)
    if loss.requires_grad:
        slopes = torch.autograd.grad(loss, leaves, allow_unused=True)
    slopes = [torch.zeros_like(v) if s is None else s for v, s in zip(leaves, slopes, strict=True)]
    return {"loss": loss.detach(), **{f"gradient of {n}": s for n, s in zip(parameters, slopes, strict=True)}}


def _meta_loss_by_differences(parameters, data, alpha, steps):
    """The value by plain gradient steps; its gradient by differences of the value, so no graph can be cut."""
    start = {name: value.detach() for name, value in parameters.items()}

    def value(moved):
        total = 0.0
        for xs, ys, xq, yq in data:
            current = moved
            for _ in range(steps):
                slopes = torch.func.grad(lambda p, x=xs, y=ys: network_error(p, x, y))(current)
                current = {name: current[name] - alpha * slopes[name] for name in current}
            total = total + network_error(current, xq, yq)
        return total / len(data)

    result = {"loss": value(start)}
    for name, entry in start.items():

        def along(flat, name=name, entry=entry):
            return value(start | {name: flat.view_as(entry)})

        result[f"gradient of {name}"] = central_differences(along, entry.flatten()).view_as(entry)
    return result


def _meta_loss(keeps=lambda step, steps: True, on_support=False, leak=False, reduce=torch.mean):
    """The meta-loss with faults: which steps keep their graph, what the outer loss sees, where a task starts."""

    def answer(parameters, data, alpha, steps):
        found, current = [], dict(parameters)
        for xs, ys, xq, yq in data:
            current = current if leak else dict(parameters)
            for step in range(steps):
                slopes = torch.autograd.grad(
                    network_error(current, xs, ys),
                    list(current.values()),
                    create_graph=keeps(step, steps),
                    retain_graph=True,
                )
                current = {name: v - alpha * s for (name, v), s in zip(current.items(), slopes, strict=True)}
            found.append(network_error(current, xs, ys) if on_support else network_error(current, xq, yq))
        return reduce(torch.stack(found))

    return answer


def _last(step, steps):
    return step == steps - 1


def _never(step, steps):
    return False


check_meta_loss = function_check(
    "meta_loss",
    _meta_loss_by_differences,
    _network_cases,
    Wrong(
        "as_it_was",
        "All three bugs are still there. Begin with the one that you can see in a printed number: which data should "
        "the outer loss use?",
        _meta_loss(_last, on_support=True, leak=True),
    ),
    Wrong(
        "outer_on_support",
        "The tasks no longer touch each other and every step keeps its graph, but the adapted network is judged on the "
        "points that it was adapted on.",
        _meta_loss(on_support=True),
    ),
    Wrong(
        "tasks_leak",
        "One task alone gives the right number, several do not. From which parameters does the second task start?",
        _meta_loss(leak=True),
    ),
    Wrong(
        "graph_cut_early",
        "The value of the loss is right and its gradient is not. With one inner step it would be. What about the steps "
        "before the last?",
        _meta_loss(_last),
    ),
    Wrong(
        "first_order",
        "The value of the loss is right, its gradient is FOMAML's: no inner step is differentiated.",
        _meta_loss(_never),
    ),
    Wrong(
        "two_left",
        "One bug is gone, two are left. Compare the value of the loss for one task alone, then for two, then the "
        "gradient.",
        when=lambda got, *a: any(
            difference(got, _value_and_gradients(_meta_loss(*fault), *a), 1e-6, 1e-9) is None
            for fault in ((_last, True, False), (_last, False, True), (lambda *_: True, True, True))
        ),
    ),
    Wrong(
        "sum_over_tasks",
        "Your loss grows with the number of tasks. It should be their mean.",
        _meta_loss(reduce=torch.sum),
    ),
    observe=_value_and_gradients,
)
