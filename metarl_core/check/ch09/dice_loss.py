"""The check of the exercise `dice_loss`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import leads_to
from metarl_core.check.ch09.dice_answers import (
    boxed,
    dice_mean,
    dice_with,
    end_before_the_start,
    inside,
    mean_of_means,
    scaled,
    standardised,
    summed_boxes,
    unstopped,
    weights,
)
from metarl_core.check.ch09.oracles import (
    GRAPH,
    PADDING_MULTIPLIED,
    close,
    draw_padded,
    padded,
    past_the_end,
    scalar,
    slopes,
    stop_ratio,
    without_graph,
)


def _draw_case(draw):
    """1 to 4 episodes of 1 to 9 steps, once 60 of each; advantages skewed and off centre, some 0, now and then all
    1."""
    episodes, steps = draw.choice(1, *[draw.integer(2, 4)] * 4), draw.choice(1, *[draw.integer(2, 9)] * 6)
    episodes, steps = draw.once(18, 60, episodes), draw.once(19, 60, steps)
    log_pi, mask = draw_padded(draw, (episodes, steps))
    if draw.seed == 17:  # such a probability is 0 in floating point
        log_pi = log_pi - 1000.0
    advantage = draw.skewed(*mask.shape, scale=draw.choice(1.0, 5.0)) + draw.uniform(-2, 3)
    some_zero = torch.where(draw.flags(*mask.shape), 0.0, advantage)
    advantage = draw.choice(*[advantage] * 5, some_zero, torch.ones_like(advantage))
    advantage = padded(draw, advantage, mask)
    lengths = mask.sum(1)
    return case(log_pi.requires_grad_(), advantage, mask).noting(
        {
            **past_the_end(mask, log_pi.detach(), advantage),
            "the padding of the advantages holds infinite numbers or NaN": not advantage[~mask].isfinite().all(),
            "log-probabilities add up to less than -745": (log_pi.detach().where(mask, 0.0).sum(1) < -745).any(),
            "there is more than one episode": len(mask) > 1,
            "an episode has two steps or more": lengths.max() > 1,
            "episodes have different lengths": lengths.min() < lengths.max(),
            "a step that was taken has advantage 0": (advantage[mask] == 0).any(),
            "an advantage lies beyond ±10": advantage[mask].abs().max() > 10,
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


def _right_parts(got, *arguments):
    """Whether the gradient is right, and whether the second derivatives of each step with itself are."""
    right = _by_definition(*arguments)
    number = right["gradient"].numel()
    diagonals = [seen["Hessian"].reshape(number, number).diagonal() for seen in (got, right)]
    return close(got["gradient"], right["gradient"]), close(*diagonals)


def _last_steps_idle(got, log_pi, advantage, mask):
    """Whether the last step of each longer episode has derivative 0."""
    lengths = mask.sum(1)
    rows = (lengths > min(1, int(lengths.max()) - 1)).nonzero()[:, 0]  # of all, where each has one step only
    return bool((got["gradient"][rows, lengths[rows] - 1] == 0).all())


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
        lambda x, a, m: dice_mean(x, a, m),
    ),
    Wrong(
        "lvc",
        "The gradient is right. Of the second derivatives only those of a step with itself are there. Which actions "
        "does a later reward depend on?",
        lambda x, a, m: dice_mean(stop_ratio(inside(x, m)), a, m),
    ),
    Wrong(
        "nothing_held",
        "All derivatives of your loss are zero. What is the derivative of exp(c - c)? One of the two must be constant.",
        lambda x, a, m: dice_mean((inside(x, m) - inside(x, m)).exp(), a, m),
    ),
    Wrong(
        "whole_episode",
        "Your derivatives are those of a box that holds all actions of the episode at every step. Should an action "
        "that comes after t have a part in the weight of step t?",
        boxed(lambda own: own.sum(-1, keepdim=True)),
    ),
    Wrong(
        "box_on_advantages",
        "The magic box up to t stands on A_t itself. On a reward r_t it is right. But A_t already holds the rewards "
        "after t: how often does each of them count now?",
        boxed(lambda own: own.cumsum(-1)),
    ),
    Wrong(
        "box_before",
        "The box at step t ends with step t - 1. Does the action of step t have no part in what comes after it?",
        boxed(lambda own: own.cumsum(-1) - own),
    ),
    Wrong(
        "boxes_added",
        "The two exponentials of a step are added. Which part of the first does the second take away?",
        lambda x, a, m: dice_mean(weights(x, m) + 2 * stop_ratio(inside(x, m).cumsum(-1) - inside(x, m)), a, m),
    ),
    Wrong(
        "not_stopped",
        "Nothing is held constant in your exponentials: they are probabilities, and your derivatives are multiplied by "
        "them. What should exp(c - c) be at the present parameters, and what its derivative?",
        when=leads_to(_derivatives, *unstopped()),
    ),
    Wrong(
        "centred",
        "You subtract the mean of the advantages first. (1) takes them as they are.",
        lambda x, a, m: dice_mean(weights(x, m), a - a[m].mean(), m),
    ),
    Wrong(
        "standardised",
        "You subtract the mean of the advantages and divide by their standard deviation. (1) takes them as they are.",
        when=leads_to(_derivatives, standardised(0), standardised(1), standardised(0, 0.0), standardised(1, 0.0)),
    ),
    Wrong(
        "boxes_of_steps_summed",
        "You put each step into a box of its own, and add up the boxes. What is added up in (1), and what is inside?",
        summed_boxes,
    ),
    Wrong(
        "before_the_start",
        "From the first step of an episode you subtract what stands in the last column. Which "
        "scores come before the first?",
        end_before_the_start,
    ),
    Wrong(
        "from_the_end",
        "Your c_t holds step t and the steps after it. Which actions had been taken when step t was reached?",
        dice_with(lambda own: own.flip(-1).cumsum(-1).flip(-1)),
    ),
    Wrong(
        "sum_scaled",
        "The log-probabilities are divided by a number of steps or episodes inside the exponential. Scores are then "
        "too small, and products of two scores too small twice. Only the outermost mean divides.",
        when=leads_to(
            _derivatives, scaled(lambda m: m.sum(-1, keepdim=True)), scaled(lambda m: m.sum()), scaled(len)
        ),
    ),
    Wrong(
        "across_episodes",
        "Steps of different episodes have a mixed second derivative. Along which axis does your sum run, and where "
        "does it begin anew?",
        when=leads_to(
            _derivatives,
            dice_with(lambda own: own.cumsum(0)),
            dice_with(lambda own: own.flatten().cumsum(0).view_as(own)),
        ),
    ),
    Wrong(
        "sign",
        "All derivatives have the wrong sign. A loss is descended, a return is climbed.",
        dice_with(mean=lambda *terms: -dice_mean(*terms)),
    ),
    Wrong(
        "sum_over_steps",
        "Right up to a factor: the sum over all steps instead of their mean, so that the inner step would grow with "
        "the number of episodes.",
        dice_with(mean=lambda w, a, m: dice_mean(w, a, m) * m.sum()),
    ),
    Wrong(
        "mean_of_means",
        "Yours is a mean over episodes of each one's mean over its steps, so that a step in a short episode counts "
        "more. What is n in (1)?",
        dice_with(mean=mean_of_means),
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
    Wrong(
        "last_step_idle",
        "The last step of an episode, of a longer one at least, has derivative 0 whatever its advantage. Where does "
        "your sum over time end?",
        when=_last_steps_idle,
    ),
    Wrong(
        "mixed_wrong",
        "The gradient is right, and so are the second derivatives of each step with itself; those of two different "
        "steps are not. How much of the past is in your exponential, and is it differentiated?",
        when=lambda *seen: _right_parts(*seen) == (True, True),
    ),
    Wrong(
        "second_order_wrong",
        "The gradient is right, the second derivatives of a step with itself are not. Is what stands in the "
        "exponential (1)'s, and not a part or a multiple of it?",
        when=lambda *seen: _right_parts(*seen) == (True, False),
    ),
    Wrong(
        "linear_term",
        "All second derivatives are right, and the gradient is not. What stands in your loss beside (1)?",
        when=lambda got, *arguments: close(got["Hessian"], _by_definition(*arguments)["Hessian"]),
    ),
    observe=_derivatives,
    cases=36,
)  # fmt: skip
