"""The check of the exercise `meta_loss`."""

import itertools

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _meta_cases():
    for seed, (tasks, number, size, alpha, sigma) in enumerate(
        ((3, 12, 2, 0.4, 0.7), (2, 20, 3, 0.8, 1.2), (4, 9, 2, 0.25, 0.5))
    ):
        generator = torch.Generator().manual_seed(30 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        goals = 2 * draw(tasks, size)
        yield case(draw(size).requires_grad_(), goals, draw(tasks, 2, number, size), alpha, sigma)


def _meta_gradient_by_hand(
    theta, goals, noise, alpha, sigma, reuse=False, rate=None, divide=torch.Tensor.std, curvature=True, leak=False,
    reduce=torch.mean, live_actions=False,
):  # fmt: skip
    """(I − αĤ)g from closed forms: the score of N(θ, σ²I) is (a − θ)/σ², and the mean advantage is zero."""

    def weights(actions, goal):
        rewards = -(actions - goal).square().sum(-1)
        scale = rewards.var(correction=0) if divide is torch.Tensor.var else rewards.std(correction=0)
        return (rewards - rewards.mean()) / scale

    used, found, theta = (alpha if rate is None else rate), [], theta.detach()
    point = theta
    for goal, (first, second) in zip(goals, noise, strict=True):
        point = point if leak else theta
        actions = point + sigma * first
        a, score = weights(actions, goal), (actions - point) / sigma**2
        rise = (a[:, None] * score).mean(0)
        hessian = -torch.einsum("n,ni,nj->ij", a, score, score) / len(a)
        end = point + used * rise
        if reuse:
            # The surrogate of θ' on episodes of θ: weights π_θ'/π_θ that are not 1.
            ratio = ((actions - point).square().sum(-1) - (actions - end).square().sum(-1)) / (2 * sigma**2)
            outer = -(a[:, None] * ratio.exp()[:, None] * (actions - end) / sigma**2).mean(0)
        else:
            query = end + sigma * second
            outer = -(weights(query, goal)[:, None] * (query - end) / sigma**2).mean(0)
        found.append(outer - used * hessian @ outer if curvature else outer)
        point = end
    return {"gradient": reduce(torch.stack(found), 0)}


def _gradient_of_answer(answer, theta, goals, noise, alpha, sigma):
    loss = answer(theta, goals, noise, alpha, sigma)
    if loss.ndim != 0:
        return {"gradient": loss}
    return {"gradient": torch.autograd.grad(loss, theta)[0]}


def _fault_of_loss(**fault):
    """A misconception's gradient, as an answer that `observe` can differentiate."""

    def answer(theta, goals, noise, alpha, sigma):
        return (_meta_gradient_by_hand(theta, goals, noise, alpha, sigma, **fault)["gradient"] * theta).sum()

    return answer


RATE = 0.1  # what the colleague's code uses instead of alpha
FAULTS = {"reuse": True, "rate": RATE, "divide": torch.Tensor.var}
PAIRS = [dict(pair) for pair in itertools.combinations(FAULTS.items(), 2)]


check_meta_loss = function_check(
    "meta_loss",
    _meta_gradient_by_hand,
    _meta_cases,
    Wrong(
        "graph_cut",
        "The outer loss does not depend on theta any more. Which line makes adapted parameters without a history?",
        raises="does not require grad",
    ),
    Wrong("as_it_was", "All three bugs are still there.", _fault_of_loss(**FAULTS)),
    Wrong(
        "support_as_query",
        "The adapted policy is judged by the episodes that it has learned from. Who has to collect those that judge "
        "it?",
        _fault_of_loss(reuse=True),
    ),
    Wrong(
        "inner_rate_ignored",
        "Try two values of alpha: the loss does not notice. Which step size is used?",
        _fault_of_loss(rate=RATE),
    ),
    Wrong(
        "variance",
        "Give the rewards another unit: the step changes its length. What makes a number free of its unit?",
        _fault_of_loss(divide=torch.Tensor.var),
    ),
    Wrong(
        "two_left",
        "One of the three is repaired, two are left.",
        when=lambda got, *a: any(
            difference(got, _meta_gradient_by_hand(*a, **pair), 1e-6, 1e-9) is None for pair in PAIRS
        ),
    ),
    Wrong(
        "no_curvature",
        "The adapted policies and their episodes are right; the way back to theta lacks its factor. Is the graph of "
        "the inner gradient kept?",
        _fault_of_loss(curvature=False),
    ),
    Wrong(
        "tasks_leak",
        "The first task is right. Where do the others start?",
        _fault_of_loss(leak=True),
    ),
    Wrong(
        "sum_over_tasks",
        "Your gradient grows with the number of tasks. The objective is an expectation over them.",
        _fault_of_loss(reduce=torch.sum),
    ),
    observe=_gradient_of_answer,
)
