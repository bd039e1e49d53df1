"""The check of the exercise `meta_loss`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch09.oracles import stop_ratio


def _goal_cases():
    for seed, (tasks, draws, alpha, sigma) in enumerate(((2, 6, 0.3, 1.0), (3, 4, 0.2, 0.7), (1, 10, 0.5, 1.3))):
        generator = torch.Generator().manual_seed(60 + seed)
        theta = torch.randn(2, generator=generator, dtype=torch.float64)
        data = []
        for _ in range(tasks):
            actions = theta + sigma * torch.randn(draws, 2, generator=generator, dtype=torch.float64)
            goal = 2 * torch.randn(2, generator=generator, dtype=torch.float64)
            reward = -(actions - goal).square().sum(1)
            # Not centred, or the naive Hessian would be zero, and naive not to be told from first order.
            data.append((actions, reward - reward.mean() + 1.5, goal))
        yield case(theta.requires_grad_(), data, alpha, sigma)


def _value_and_gradient(answer, theta, tasks, alpha, sigma):
    value = answer(theta, tasks, alpha, sigma)
    (gradient,) = torch.autograd.grad(value, theta)
    return {"loss": value.detach(), "gradient": gradient}


def _by_closed_form(theta, tasks, alpha, sigma):
    """ψ = (a − θ) / σ²; the Jacobian I + α mean A (ψ ψᵀ − I / σ²) written out."""
    theta, identity = theta.detach(), torch.eye(2, dtype=torch.float64)
    losses, gradients = [], []
    for actions, advantage, goal in tasks:
        score = (actions - theta) / sigma**2
        adapted = theta + alpha * (advantage[:, None] * score).mean(0)
        curvature = (advantage[:, None, None] * (score[:, :, None] * score[:, None] - identity / sigma**2)).mean(0)
        losses.append((adapted - goal).square().sum())
        gradients.append((identity + alpha * curvature) @ (2 * (adapted - goal)))
    return {"loss": torch.stack(losses).mean(), "gradient": torch.stack(gradients).mean(0)}


def _meta_loss(divide=1, weight=stop_ratio, cut=False, reduce=torch.mean):
    """`divide`: log-probabilities divided by it; `weight`: the estimator; `cut`: the step has no graph."""

    def answer(theta, tasks, alpha, sigma):
        losses = []
        for actions, advantage, goal in tasks:
            at = theta.detach().requires_grad_() if cut else theta
            log_pi = -(actions - at).square().sum(-1) / (2 * sigma**2) / divide
            (slope,) = torch.autograd.grad((weight(log_pi) * advantage).mean(), at, create_graph=not cut)
            losses.append((theta + alpha * slope - goal).square().sum())
        return reduce(torch.stack(losses))

    return answer


def _log(x):
    return x


check_meta_loss = function_check(
    "meta_loss",
    _by_closed_form,
    _goal_cases,
    Wrong(
        "as_it_was",
        "The step still has half its length, and the gradient does not go through it. Compare the loss with one that "
        "you compute by hand, then its gradient with finite differences in which the actions stay fixed.",
        _meta_loss(2, _log, cut=True),
    ),
    Wrong(
        "mean_over_dimensions",
        "One bug is left, and it shows in the loss already: the inner step has half its length. How is a joint "
        "log-density made of those of its dimensions?",
        _meta_loss(2),
    ),
    Wrong(
        "first_order",
        "The loss is right. Its gradient is that of a constant step: at which tensor are the log-probabilities "
        "evaluated, and does it lead back to theta? (There may be one more bug behind this one.)",
        _meta_loss(1, _log, cut=True),
    ),
    Wrong(
        "naive",
        "The loss is right and a gradient goes through the step, but the second derivative is that of log π times "
        "advantage. Equation (4) climbs another surrogate.",
        _meta_loss(1, _log),
    ),
    Wrong(
        "two_left",
        "The gradient goes through the step now. Two bugs are left: one shows in the length of the step, the other in "
        "its second derivative.",
        _meta_loss(2, _log),
    ),
    Wrong(
        "no_gradient",
        "Your loss has no gradient with respect to theta. Which of your tensors were made without a graph?",
        raises="does not require grad",
    ),
    Wrong(
        "sum_over_tasks",
        "Your loss grows with the number of tasks. It should be their mean.",
        _meta_loss(reduce=torch.sum),
    ),
    observe=_value_and_gradient,
)  # fmt: skip
