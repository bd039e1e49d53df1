"""The check of the exercise `meta_loss`."""

import itertools
import math

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import leads_to
from metarl_core.check.ch09.oracles import GRAPH, scalar, slopes, stop_ratio, without_graph
from metarl_core.check.compare import difference


def _draw_case(draw):
    """1 to 6 tasks, once 60, of 1 to 12 actions, once 60, around theta; step sizes from 0, any sigma, skewed
    advantages."""
    tasks, number = draw.integer(1, 6), draw.choice(1, *[draw.integer(2, 12)] * 4)
    tasks, number = draw.once(17, 60, tasks), draw.once(18, 60, number)
    alpha, sigma = draw.choice(0.0, *[draw.uniform(0.05, 0.6)] * 7), draw.choice(1.0, *[draw.uniform(0.5, 2)] * 3)
    theta = draw.normal(2) + draw.uniform(-2, 2)
    data = []
    for _ in range(tasks):
        actions = theta + sigma * draw.normal(number, 2)
        # Not centred, or the naive Hessian would be zero, and naive not to be told from first order.
        advantage = draw.choice(1.0, 1.0, 1.0, 32.0) * (draw.skewed(number, scale=2.0) + draw.uniform(-2, 3))
        data.append((actions, advantage, draw.normal(2, scale=2.0)))
    return case(theta.requires_grad_(), data, alpha, sigma).noting(
        {
            "alpha is 0": alpha == 0,
            "there is more than one task": tasks > 1,
            "there are more than two tasks": tasks > 2,
            "a task has a single action": number == 1,
            "sigma is 1": sigma == 1,
        }
    )


def _value_and_gradient(answer, theta, tasks, alpha, sigma):
    value = scalar(answer(theta, tasks, alpha, sigma), "meta_loss")
    (gradient,) = slopes(value, [theta])
    return {GRAPH: value.requires_grad, "loss": value.detach(), "gradient": gradient}


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
    return {GRAPH: True, "loss": torch.stack(losses).mean(), "gradient": torch.stack(gradients).mean(0)}


def _square_distance(difference):
    return difference.square().sum()


def _meta_loss(
    divide=1, weight=stop_ratio, cut=False, reduce=torch.mean, length=1.0, within=torch.mean,
    distance=_square_distance,
    centre=False, power=1, start_cut=False, fixed=None, density=False, in_turn=False, together=False, twice=False,
    shared=False,
):  # fmt: skip
    """`divide`: log-probabilities divided by it; `weight`: the estimator; `cut`: the step has no graph."""

    def answer(theta, tasks, alpha, sigma):
        losses, ends, begin, sigma = [], [], theta, fixed or sigma
        for actions, advantage, goal in tasks:
            at = theta.detach().requires_grad_() if cut else begin
            advantage = advantage - advantage.mean() if centre else advantage
            for _ in range(2 if twice else 1):
                log_pi = -(actions - at).square() / (2 * (sigma**power) ** 2)
                log_pi = log_pi if weight is _of_each_dimension else log_pi.sum(-1) / divide
                log_pi = log_pi - math.log(2 * math.pi * sigma**2) if density else log_pi
                weights = weight(log_pi)
                surrogate = within(weights * advantage)
                surrogate = (weights * advantage).sum() / weights.sum().abs() if shared else surrogate
                (slope,) = torch.autograd.grad(surrogate, at, create_graph=not cut)
                start = theta.detach() if start_cut else theta if cut else at
                at = start + length * alpha * slope
            begin = at if in_turn else begin
            ends.append(at)
            losses.append(distance(at - goal))
        if together:
            losses = [distance(torch.stack(ends).mean(0) - goal) for *_, goal in tasks]
        return reduce(torch.stack(losses))

    return answer


def _log(x):
    return x


def _upside_down(log_pi):
    """Minus the ratio's inverse: its gradient is that of the ratio."""
    return -(log_pi.detach() - log_pi).exp()


BUGS = {"weight": _upside_down, "power": 0.5, "shared": True}
TWO_BUGS = [dict(pair) for pair in itertools.combinations(BUGS.items(), 2)]


def _of_each_dimension(log_pi):
    """A ratio for each dimension, and their sum."""
    return stop_ratio(log_pi).sum(-1)


def _loss_alone_is_right(got, *arguments):
    right = _by_closed_form(*arguments)
    return [difference(got[key], right[key], None, None) is None for key in ("loss", "gradient")] == [True, False]


check_meta_loss = function_check(
    "meta_loss",
    _by_closed_form,
    _draw_case,
    without_graph("theta"),
    Wrong(
        "as_it_was",
        "All three bugs are still there. Compare the loss with one that you compute by hand for a single action, then "
        "its gradient with finite differences in which the actions stay fixed.",
        _meta_loss(**BUGS),
    ),
    Wrong(
        "upside_down",
        "Two of the three are repaired, and the loss is right. In (4) which density is held constant, and what is the "
        "second derivative of a quotient that is turned over?",
        _meta_loss(weight=_upside_down),
    ),
    Wrong(
        "covariance",
        "Two of the three are repaired. With sigma = 1 your answer would be right, and with another one the step is "
        "too long or too short. What does that class of distributions take?",
        _meta_loss(power=0.5),
    ),
    Wrong(
        "shared",
        "Two of the three are repaired. Add a constant to all advantages: your step does not change, and that of (4) "
        "does. By what is the sum divided?",
        _meta_loss(shared=True),
    ),
    Wrong(
        "two_left",
        "One of the three is repaired, two are left.",
        when=leads_to(_value_and_gradient, *[_meta_loss(**pair) for pair in TWO_BUGS]),
    ),
    Wrong(
        "mean_over_dimensions",
        "It shows in the loss already: your inner step has half its length. How is a joint log-density made of those "
        "of its dimensions?",
        _meta_loss(2),
    ),
    Wrong(
        "first_order",
        "The loss is right. Its gradient is that of a constant step: at which tensor are the log-probabilities "
        "evaluated, and does it lead back to theta?",
        _meta_loss(1, _log, cut=True),
    ),
    Wrong(
        "naive",
        "The loss is right and a gradient goes through the step, but the second derivative is that of log π times "
        "advantage. Equation (4) climbs another surrogate.",
        _meta_loss(1, _log),
    ),
    Wrong(
        "sum_over_tasks",
        "Your loss grows with the number of tasks. It should be their mean.",
        _meta_loss(reduce=torch.sum),
    ),
    Wrong(
        "sum_over_actions",
        "Your inner step grows with the number of actions. What stands before the sum in (4)?",
        _meta_loss(within=torch.sum),
    ),
    Wrong(
        "descended",
        "Your inner step goes down the surrogate. Which way does (4) go?",
        _meta_loss(length=-1.0),
    ),
    Wrong(
        "mean_of_squares",
        "The steps are right. Your outer loss is half of what it should be: is a squared length the mean of the "
        "squares of its coordinates?",
        _meta_loss(distance=lambda difference: difference.square().mean()),
    ),
    Wrong(
        "length_not_squared",
        "The steps are right. Your outer loss is a distance to the goal; (4) has another power of it.",
        _meta_loss(distance=torch.linalg.norm),
    ),
    Wrong("negated", "Your loss has the wrong sign. Where should theta end, near the goals or far away?",
          _meta_loss(distance=lambda difference: -_square_distance(difference))),
    Wrong("centred", "You subtract the mean of the advantages first. (4) takes them as they come.",
          _meta_loss(centre=True)),
    Wrong(
        "spread",
        "The spread of your policy is not sigma, but its square or a fixed number. Which does your density take?",
        when=lambda got, *a: any(
            difference(got, _value_and_gradient(answer, *a), None, None) is None
            for answer in (*[_meta_loss(power=power) for power in (2, 0)], _meta_loss(fixed=0.5))
        ),
    ),
    Wrong(
        "start_cut",
        "The loss is right. Its gradient goes through the slope, and not through the theta that the step begins at.",
        _meta_loss(start_cut=True),
    ),
    Wrong(
        "ratio_of_each_dimension",
        "The loss is right. In your surrogate each dimension of an action has a ratio of its own, and its gradient "
        "lacks what two dimensions do together. Of what is (4)'s the ratio?",
        _meta_loss(weight=_of_each_dimension),
    ),
    Wrong(
        "made_up_for",
        "The loss is right: the step is twice as long, and makes up for a log-density that is half of the joint one. "
        "Does that hold for the step's derivative, too?",
        _meta_loss(2, length=2.0),
    ),
    Wrong(
        "no_ratio",
        "Your surrogate weighs advantages with densities. What is the value of (4)'s ratio at the present theta?",
        _meta_loss(weight=torch.exp, density=True),
    ),
    Wrong("two_steps", "The result is that of two inner steps.", _meta_loss(twice=True)),
    Wrong("in_turn", "The first task is right. Where does the next one start?", _meta_loss(in_turn=True)),
    Wrong(
        "mean_of_adapted",
        "You take the mean of the adapted parameters over the tasks, and then the distance to each goal. Whose "
        "distances does (4) take?",
        _meta_loss(together=True),
    ),
    Wrong(
        "other_slope",
        "The loss is right, its gradient is not. Take one action, and derive by hand how theta' moves with theta: what "
        "does your step's derivative hold besides, or lack?",
        when=_loss_alone_is_right,
    ),
    observe=_value_and_gradient,
)  # fmt: skip
