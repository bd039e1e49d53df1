"""Losses that a learner may take for DiCE's, and what they are made of."""

import torch

from metarl_core.check.ch09.oracles import stop_ratio


def inside(values, mask):
    """`values` where a step was taken, 0 elsewhere."""
    return torch.where(mask, values, 0.0)


def dice_mean(weight, advantage, mask):
    """The loss of these weights: minus the mean of weight times advantage over the steps taken."""
    return -inside(weight * inside(advantage, mask), mask).sum() / mask.sum()


def weights(log_pi, mask, sums=lambda own: own.cumsum(-1)):
    """The weights of DiCE, with another sum over time if given."""
    own = inside(log_pi, mask)
    return stop_ratio(sums(own)) - stop_ratio(sums(own) - own)


def boxed(sums):
    """One box a step, around this sum of log-probabilities."""
    return lambda x, a, m: dice_mean(stop_ratio(sums(inside(x, m))), a, m)


def dice_with(sums=lambda own: own.cumsum(-1), mean=dice_mean):
    """DiCE with another sum over time or another mean."""
    return lambda x, a, m: mean(weights(x, m, sums), a, m)


def scaled(by):
    """DiCE of log-probabilities that are divided by a number made from the mask."""

    def answer(log_pi, advantage, mask):
        return dice_mean(weights(log_pi / by(mask), mask), advantage, mask)

    return answer


def mean_of_means(weight, advantage, mask):
    """Minus the mean over episodes of each one's mean."""
    terms = inside(weight * inside(advantage, mask), mask)
    return -(terms.sum(1) / mask.sum(1)).mean()


def unstopped():
    """Losses in which nothing is held constant."""

    def through(x, m):
        return inside(x, m).cumsum(-1)

    yield lambda x, a, m: dice_mean(through(x, m).exp(), a, m)
    yield lambda x, a, m: dice_mean(inside(x, m).exp(), a, m)
    yield lambda x, a, m: dice_mean(through(x, m).exp() - (through(x, m) - inside(x, m)).exp(), a, m)


def standardised(correction, small=1e-8):
    """DiCE with advantages less their mean, over their standard deviation."""

    def answer(log_pi, advantage, mask):
        away = inside(advantage - advantage[mask].mean(), mask)
        spread = (away.square().sum() / (mask.sum() - correction)).sqrt()
        return dice_mean(weights(log_pi, mask), away / (spread + small), mask)

    return answer


def summed_boxes(log_pi, advantage, mask):
    """A box for each step, and their sum over time."""
    return dice_mean(stop_ratio(inside(log_pi, mask)).cumsum(-1), advantage, mask)


def end_before_the_start(log_pi, advantage, mask):
    """The box before the first step is the one after the last."""
    box = stop_ratio(inside(log_pi, mask).cumsum(-1))
    return dice_mean(box - box.roll(1, -1), advantage, mask)
