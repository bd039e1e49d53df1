"""The loss of an adapted head: written out, and with one thing or another done wrong."""

import torch

from metarl_core.check.oracles import network_error, network_slopes

HEAD = ("w2", "b2")


def written_out(parameters, rates, data):
    """The inner gradients by hand, so that autograd sees nothing but arithmetic and no graph can be cut."""
    total = 0.0
    for xs, ys, xq, yq in data:
        slopes = network_slopes(parameters, xs, ys)
        total = total + network_error(parameters | {n: parameters[n] - rates[n] * slopes[n] for n in HEAD}, xq, yq)
    return total / len(data)


def head_loss(which="head", rate=lambda a: a, graph=True, on_support=False, sign=-1, leak=False, reduce=torch.mean):
    """The loss with faults: which parameters adapt, what is made of a rate, whether the step is differentiated."""

    def answer(parameters, rates, data):
        parts = {"head": HEAD, "body": ("w1", "b1"), "all": tuple(parameters), "weights": ("w2",), "bias": ("b2",)}
        chosen = parts[which]
        found, start = [], parameters
        for xs, ys, xq, yq in data:
            slopes = torch.autograd.grad(
                network_error(start, xs, ys), [start[n] for n in chosen], create_graph=graph, retain_graph=True
            )
            adapted = start | {n: start[n] + sign * rate(rates[n]) * s for n, s in zip(chosen, slopes, strict=True)}
            start = adapted if leak else start
            found.append(network_error(adapted, xs, ys) if on_support else network_error(adapted, xq, yq))
        return reduce(torch.stack(found))

    return answer


def steps(*names):
    """Several steps on the head, one after the other, each on some of its tensors."""

    def answer(parameters, rates, data):
        found = []
        for xs, ys, xq, yq in data:
            adapted = parameters
            for part in names:
                loss = network_error(adapted, xs, ys)
                slopes = torch.autograd.grad(loss, [adapted[n] for n in part], create_graph=True)
                adapted = adapted | {n: adapted[n] - rates[n] * s for n, s in zip(part, slopes, strict=True)}
            found.append(network_error(adapted, xq, yq))
        return torch.stack(found).mean()

    return answer


def _cut(parameters, names):
    return {n: v.detach() if n in names else v for n, v in parameters.items()}


def partly_cut(inside, outside, start):
    """The graph is cut at some tensors where the slopes are taken, in the outer loss, or where the step starts."""

    def answer(parameters, rates, data):
        found = []
        for xs, ys, xq, yq in data:
            slopes = network_slopes(_cut(parameters, inside), xs, ys)
            head = {n: _cut(parameters, start)[n] - rates[n] * slopes[n] for n in HEAD}
            found.append(network_error(_cut(parameters, outside) | head, xq, yq))
        return torch.stack(found).mean()

    return answer


def detached(a):
    return a.detach()


POSITIVE = (torch.abs, torch.relu, torch.exp, torch.nn.functional.softplus, torch.square)
