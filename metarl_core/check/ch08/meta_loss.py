"""The check of the exercise `meta_loss`."""

import itertools

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference

TOLERANCE = {"rtol": 1e-7, "atol": 1e-9}


def _draw_case(draw):
    """1 to 3 tasks, once 60, in 1 to 3 dimensions, 3 to 12 draws or 60, step sizes from 0 to 1, spreads from 0.4 to
    1.5."""
    tasks, size, number = draw.integer(1, 3), draw.integer(1, 3), draw.choice(*[draw.integer(3, 12)] * 5, 60)
    tasks = draw.once(17, 60, tasks)
    alpha = draw.choice(0.0, *(draw.uniform(0.15, 1.0) for _ in range(5)))
    sigma = draw.choice(1.0, *(draw.uniform(0.4, 1.5) for _ in range(4)))
    theta = (draw.normal(size) + draw.choice(0.0, 1.0)).requires_grad_()
    return case(theta, 2 * draw.normal(tasks, size), draw.normal(tasks, 2, number, size), alpha, sigma).noting(
        {
            "there is one task": tasks == 1,
            "there is one dimension": size == 1,
            "there are 40 draws": number == 40,
            "alpha is 0": alpha == 0.0,
            "sigma is 1": sigma == 1.0,
        }
    )


def _meta_gradient_by_hand(
    theta, goals, noise, alpha, sigma,
    reuse=False, rate=None, divide="deviation", curvature=True, leak=False, reduce=torch.mean, sign=1.0,
    centre=True, summed=(), only_first=False, noise_of=(0, 1), log=False, query_by_theta=False, own=True,
    old_by_theta=False,
):  # fmt: skip
    """(I − αĤ)g from closed forms: the score of N(θ, σ²I) is (a − θ)/σ², and the mean advantage is zero."""

    def weights(actions, goal, norm=None):
        rewards, of = (-(x - goal).square().sum(-1) for x in (actions, actions if norm is None else norm))
        n = len(of)
        variance = (of - of.mean()).square().sum() / (n - 1 if divide == "n - 1" else n)
        by = {"variance": variance, "nothing": 1.0}.get(divide, variance.sqrt())
        return (rewards - (of.mean() if centre else 0.0)) / by

    used, found, values, theta = (alpha if rate is None else rate), [], [], theta.detach()
    point = theta
    for goal, draws in list(zip(goals, noise, strict=True))[: 1 if only_first else None]:
        first, second = draws[noise_of[0]], draws[noise_of[1]]
        point = point if leak else theta
        actions = point + sigma * first
        a, score = weights(actions, goal), (actions - point) / sigma**2
        inside = len(a) if "inner" in summed else 1
        rise = inside * (a[:, None] * score).mean(0)
        unit = torch.eye(len(theta), dtype=theta.dtype) / sigma**2  # counts where the mean advantage is not zero
        hessian = -inside * (torch.einsum("n,ni,nj->ij", a, score, score) / len(a) - a.mean() * unit)
        end = point + sign * used * rise
        if reuse or query_by_theta:
            # The surrogate of θ' on episodes of θ: weights π_θ'/π_θ that are not 1.
            actions = point + sigma * second if query_by_theta else actions
            a = weights(actions, goal)
            ratio = ((actions - point).square().sum(-1) - (actions - end).square().sum(-1)) / (2 * sigma**2)
            outer = -(a[:, None] * ratio.exp()[:, None] * (actions - end) / sigma**2).mean(0)
            values.append(-(a * ratio.exp()).mean())
        else:
            query = end + sigma * second
            b = weights(query, goal, None if own else actions)
            if old_by_theta:
                squares = (query - point).square().sum(-1) - (query - end).square().sum(-1)
                b = b * (squares / (2 * sigma**2)).exp()
            outer = -(b[:, None] * (query - end) / sigma**2).mean(0)
            outer = outer * (len(a) if "outer" in summed else 1)
            quotient = -(query - end).square().sum(-1) / (2 * sigma**2) if log else 1.0
            values.append(-(b * quotient).mean())
        found.append(outer - sign * used * hessian @ outer if curvature else outer)
        point = end
    return {
        "loss": reduce(torch.stack(values)),
        "depends on theta": True,
        "gradient": reduce(torch.stack(found), 0),
    }


def _gradient_of_answer(answer, theta, goals, noise, alpha, sigma):
    loss = answer(theta, goals, noise, alpha, sigma)
    seen = {"loss": loss, "depends on theta": True, "gradient": torch.zeros_like(theta)}
    if not isinstance(loss, torch.Tensor) or loss.ndim:  # that is what will be reported
        return seen
    slope = torch.autograd.grad(loss, theta, allow_unused=True)[0] if loss.requires_grad else None
    return {
        "loss": loss.detach(),
        "depends on theta": slope is not None,
        "gradient": torch.zeros_like(theta) if slope is None else slope,
    }


def _fault_of_loss(**fault):
    """A misconception's loss and gradient, as an answer that `observe` can differentiate."""

    def answer(theta, *arguments):
        seen = _meta_gradient_by_hand(theta, *arguments, **fault)
        return seen["loss"] + seen["gradient"] @ (theta - theta.detach())

    return answer


RATE = 0.1  # what the colleague's code uses instead of alpha
FAULTS = {"old_by_theta": True, "rate": RATE, "divide": "variance"}
PAIRS = [dict(pair) for pair in itertools.combinations(FAULTS.items(), 2)]


check_meta_loss = function_check(
    "meta_loss",
    _meta_gradient_by_hand,
    _draw_case,
    Wrong(
        "graph_cut",
        "The loss that you return does not depend on theta any more. Which line makes something without a history?",
        when=lambda got, *a: not got["depends on theta"],
    ),
    Wrong("as_it_was", "All three bugs are still there.", _fault_of_loss(**FAULTS)),
    Wrong(
        "denominator",
        "Two of the three are repaired. At the point where the query actions were drawn, what is the value of your "
        "quotient of densities for them?",
        _fault_of_loss(old_by_theta=True),
    ),
    Wrong(
        "inner_rate_ignored",
        "Try two values of alpha: the loss does not notice. Which step size is used?",
        _fault_of_loss(rate=RATE),
    ),
    Wrong(
        "variance",
        "Give the rewards another unit: the step changes its length. What makes a number free of its unit?",
        _fault_of_loss(divide="variance"),
    ),
    Wrong(
        "two_left",
        "One of the three is repaired, two are left.",
        when=lambda got, *a: any(
            difference(got, _meta_gradient_by_hand(*a, **pair), **TOLERANCE) is None for pair in PAIRS
        ),
    ),
    Wrong(
        "support_as_query",
        "The adapted policy is judged by the episodes that it has learned from. Who has to collect those that judge "
        "it?",
        _fault_of_loss(reuse=True),
    ),
    Wrong(
        "no_curvature",
        "The adapted policies and their episodes are right; the way back to theta lacks its factor. Is the graph of "
        "the inner gradient kept, and is it a quotient of densities that is differentiated a second time?",
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
    Wrong(
        "uphill_inside",
        "The inner step goes the wrong way: adapted policies are worse than theta on their own episodes.",
        _fault_of_loss(sign=-1.0),
    ),
    Wrong(
        "divide_by_n_minus_one",
        "Nearly: your deviations divide by N − 1. The task says which one it wants.",
        _fault_of_loss(divide="n - 1"),
    ),
    Wrong(
        "not_divided",
        "Your advantages keep the unit of the rewards. What is the divisor of A?",
        when=lambda got, *a: any(
            difference(got, _meta_gradient_by_hand(*a, divide="nothing", centre=centre), **TOLERANCE) is None
            for centre in (True, False)
        ),
    ),
    Wrong(
        "not_centred",
        "Your advantages are never positive: what is to be taken off a reward?",
        _fault_of_loss(centre=False),
    ),
    Wrong(
        "sum_over_draws",
        "A surrogate is a mean over the actions. In at least one of your two it is a sum.",
        when=lambda got, *a: any(
            difference(got, _meta_gradient_by_hand(*a, summed=which), **TOLERANCE) is None
            for which in (("inner",), ("outer",), ("inner", "outer"))
        ),
    ),
    Wrong(
        "noise_exchanged",
        "Support actions are made of the noise that is meant for the query actions, and these of the other.",
        _fault_of_loss(noise_of=(1, 0)),
    ),
    Wrong(
        "noise_twice",
        "Support and query actions are made of the same noise. Which half is never used?",
        when=lambda got, *a: any(
            difference(got, _meta_gradient_by_hand(*a, noise_of=both), **TOLERANCE) is None for both in ((0, 0), (1, 1))
        ),
    ),
    Wrong(
        "no_slope",
        "The loss is right, and its gradient is zero everywhere. Where actions move along with theta, their density "
        "stays the same: what is a constant in (4)?",
        when=lambda got, *a: (
            got["depends on theta"]
            and bool((got["gradient"].abs() < TOLERANCE["atol"]).all())
            and difference(got["loss"], _meta_gradient_by_hand(*a)["loss"], **TOLERANCE) is None
        ),
    ),
    Wrong(
        "queries_of_theta",
        "The query actions are drawn with the right noise, by theta. Which policy is to collect them?",
        _fault_of_loss(query_by_theta=True),
    ),
    Wrong(
        "log_density",
        "The mean in your surrogates is one of log-densities. What multiplies A in (4), and what is its second "
        "derivative?",
        when=lambda got, *a: any(
            difference(got, _meta_gradient_by_hand(*a, log=True, curvature=both), **TOLERANCE) is None
            for both in (False, True)
        ),
    ),
    Wrong(
        "support_mean_and_deviation",
        "The advantages of the query actions are made with the mean and the deviation of the support rewards. Of which "
        "actions are they in (4)?",
        _fault_of_loss(own=False),
    ),
    Wrong(
        "first_task_only",
        "That is the loss of the first task alone.",
        _fault_of_loss(only_first=True),
    ),
    Wrong(
        "value_only_differs",
        "The gradient is right. But the value is not that of (4): what is the quotient of densities at the point where "
        "the actions were drawn, and what the mean of A?",
        when=lambda got, *a: (
            difference(got["gradient"], _meta_gradient_by_hand(*a)["gradient"], **TOLERANCE) is None
            and got["depends on theta"]
        ),
    ),
    observe=_gradient_of_answer,
    **TOLERANCE,
)
