"""The check of the exercise `dice_loss`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch09.oracles import (
    GRAPH,
    PADDING_MULTIPLIED,
    close,
    draw_padded,
    leads_to,
    padded,
    past_the_end,
    scalar,
    slopes,
    stop_ratio,
    without_graph,
)


def _draw_case(draw):
    """1 to 4 episodes of 1 to 9 steps; advantages skewed and off centre, now and then all 1."""
    episodes, steps = draw.choice(1, *[draw.integer(2, 4)] * 4), draw.choice(1, *[draw.integer(2, 9)] * 6)
    log_pi, mask = draw_padded(draw, (episodes, steps))
    advantage = draw.skewed(*mask.shape, scale=draw.choice(1.0, 5.0)) + draw.uniform(-2, 3)
    advantage = draw.choice(*[advantage] * 6, torch.ones_like(advantage))
    advantage = padded(draw, advantage, mask)
    lengths = mask.sum(1)
    return case(log_pi.requires_grad_(), advantage, mask).noting(
        {
            **past_the_end(mask, log_pi.detach(), advantage),
            "there is more than one episode": len(mask) > 1,
            "an episode has two steps or more": lengths.max() > 1,
            "episodes have different lengths": lengths.min() < lengths.max(),
        }
    )


def _derivatives(answer, log_pi, advantage, mask):
    """Gradient and Hessian of the loss as a function of the log-probabilities themselves."""
    value = scalar(answer(log_pi, advantage, mask), "dice_loss")
    (gradient,) = slopes(value, [log_pi], create_graph=True)
    rows = [slopes(entry, [log_pi])[0] for entry in gradient.flatten()]
    hessian = torch.stack(rows).view(*log_pi.shape, *log_pi.shape)
    return {GRAPH: value.requires_grad, "gradient": gradient.detach(), "Hessian": hessian.detach()}


def _by_definition(log_pi, advantage, mask):
    """−A_t / n, and −A_max(t, t') / n for two steps of one episode: chapter 09, under (09.7)."""
    count, (episodes, horizon) = int(mask.sum()), log_pi.shape
    gradient = torch.zeros(episodes, horizon, dtype=log_pi.dtype)
    hessian = torch.zeros(episodes, horizon, episodes, horizon, dtype=log_pi.dtype)
    for episode, length in enumerate(mask.sum(1).tolist()):
        for t in range(length):
            gradient[episode, t] = -advantage[episode, t] / count
            for other in range(length):
                hessian[episode, t, episode, other] = -advantage[episode, max(t, other)] / count
    return {GRAPH: True, "gradient": gradient, "Hessian": hessian}


def _inside(values, mask):
    return torch.where(mask, values, 0.0)


def _mean(weight, advantage, mask):
    return -_inside(weight * _inside(advantage, mask), mask).sum() / mask.sum()


def _weights(log_pi, mask, sums=lambda own: own.cumsum(-1)):
    own = _inside(log_pi, mask)
    return stop_ratio(sums(own)) - stop_ratio(sums(own) - own)


def _boxed(sums):
    return lambda x, a, m: _mean(stop_ratio(sums(_inside(x, m))), a, m)


def _dice(sums=lambda own: own.cumsum(-1), mean=_mean):
    return lambda x, a, m: mean(_weights(x, m, sums), a, m)


def _scaled(by):
    def answer(log_pi, advantage, mask):
        return _mean(_weights(log_pi / by(mask), mask), advantage, mask)

    return answer


def _mean_of_means(weight, advantage, mask):
    terms = _inside(weight * _inside(advantage, mask), mask)
    return -(terms.sum(1) / mask.sum(1)).mean()


def _unstopped():
    def through(x, m):
        return _inside(x, m).cumsum(-1)

    yield lambda x, a, m: _mean(through(x, m).exp(), a, m)
    yield lambda x, a, m: _mean(_inside(x, m).exp(), a, m)
    yield lambda x, a, m: _mean(through(x, m).exp() - (through(x, m) - _inside(x, m)).exp(), a, m)


def _factor(got, *arguments):
    """What all derivatives are right up to, or 0 where there is no such factor."""
    right = _by_definition(*arguments)
    at = right["gradient"].abs().argmax()
    if right["gradient"].flatten()[at].abs() < 1e-3:
        return 0.0
    factor = float(got["gradient"].flatten()[at] / right["gradient"].flatten()[at])
    return factor if all(close(got[key], factor * right[key]) for key in ("gradient", "Hessian")) else 0.0


def _padding_enters(got, log_pi, advantage, mask):
    """In the derivatives, or in what the mean divides by."""
    if (got["gradient"][~mask] != 0).any() or (got["Hessian"][~mask] != 0).any():
        return True
    return abs(_factor(got, log_pi, advantage, mask) - int(mask.sum()) / mask.numel()) < 1e-6


check_dice_loss = function_check(
    "dice_loss",
    _by_definition,
    _draw_case,
    without_graph("log_pi"),
    PADDING_MULTIPLIED,
    Wrong(
        "naive",
        "The gradient is right and the second derivative with respect to the log-probabilities is zero: the change of "
        "the trajectories' probabilities is missing altogether.",
        lambda x, a, m: _mean(x, a, m),
    ),
    Wrong(
        "lvc",
        "The gradient is right. Of the second derivatives only those of a step with itself are there. Which actions "
        "does a later reward depend on?",
        lambda x, a, m: _mean(stop_ratio(_inside(x, m)), a, m),
    ),
    Wrong(
        "nothing_held",
        "All derivatives of your loss are zero. What is the derivative of exp(c - c)? One of the two must be constant.",
        lambda x, a, m: _mean((_inside(x, m) - _inside(x, m)).exp(), a, m),
    ),
    Wrong(
        "whole_episode",
        "Your derivatives are those of a box that holds all actions of the episode at every step. Should an action "
        "that comes after t have a part in the weight of step t?",
        _boxed(lambda own: own.sum(-1, keepdim=True)),
    ),
    Wrong(
        "box_on_advantages",
        "The magic box up to t stands on A_t itself. On a reward r_t it is right. But A_t already holds the rewards "
        "after t: how often does each of them count now?",
        _boxed(lambda own: own.cumsum(-1)),
    ),
    Wrong(
        "box_before",
        "The box at step t ends with step t - 1. Does the action of step t have no part in what comes after it?",
        _boxed(lambda own: own.cumsum(-1) - own),
    ),
    Wrong(
        "boxes_added",
        "The two exponentials of a step are added. Which part of the first does the second take away?",
        lambda x, a, m: _mean(_weights(x, m) + 2 * stop_ratio(_inside(x, m).cumsum(-1) - _inside(x, m)), a, m),
    ),
    Wrong(
        "not_stopped",
        "Nothing is held constant in your exponentials: they are probabilities, and your derivatives are multiplied by "
        "them. What should exp(c - c) be at the present parameters, and what its derivative?",
        when=leads_to(_derivatives, *_unstopped()),
    ),
    Wrong(
        "centred",
        "You subtract the mean of the advantages first. (1) takes them as they are.",
        lambda x, a, m: _mean(_weights(x, m), a - a[m].mean(), m),
    ),
    Wrong(
        "from_the_end",
        "Your c_t holds step t and the steps after it. Which actions had been taken when step t was reached?",
        _dice(lambda own: own.flip(-1).cumsum(-1).flip(-1)),
    ),
    Wrong(
        "sum_scaled",
        "The log-probabilities are divided by a number of steps or episodes inside the exponential. Scores are then "
        "too small, and products of two scores too small twice. Only the outermost mean divides.",
        when=leads_to(
            _derivatives, _scaled(lambda m: m.sum(-1, keepdim=True)), _scaled(lambda m: m.sum()), _scaled(len)
        ),
    ),
    Wrong(
        "across_episodes",
        "Steps of different episodes have a mixed second derivative. Along which axis does your sum run, and where "
        "does it begin anew?",
        when=leads_to(
            _derivatives,
            _dice(lambda own: own.cumsum(0)),
            _dice(lambda own: own.flatten().cumsum(0).view_as(own)),
        ),
    ),
    Wrong(
        "sign",
        "All derivatives have the wrong sign. A loss is descended, a return is climbed.",
        _dice(mean=lambda *terms: -_mean(*terms)),
    ),
    Wrong(
        "sum_over_steps",
        "Right up to a factor: the sum over all steps instead of their mean, so that the inner step would grow with "
        "the number of episodes.",
        _dice(mean=lambda w, a, m: _mean(w, a, m) * m.sum()),
    ),
    Wrong(
        "mean_of_means",
        "Yours is a mean over episodes of each one's mean over its steps, so that a step in a short episode counts "
        "more. What is n in (1)?",
        _dice(mean=_mean_of_means),
    ),
    Wrong(
        "mask_ignored",
        "The padding enters, in the derivatives or in what the mean divides by. Which steps have been taken?",
        when=_padding_enters,
    ),
    Wrong(
        "other_divisor",
        "All derivatives are right up to one positive factor. What in (1) multiplies them all?",
        when=lambda *seen: _factor(*seen) > 0,
    ),
    observe=_derivatives,
    cases=36,
)  # fmt: skip
