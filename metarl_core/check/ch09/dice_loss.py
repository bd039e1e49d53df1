"""The check of the exercise `dice_loss`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch09.oracles import stop_ratio


def _episode_cases():
    for seed, (episodes, horizon) in enumerate(((3, 4), (2, 6), (4, 3))):
        generator = torch.Generator().manual_seed(seed)
        lengths = torch.randint(2, horizon + 1, (episodes,), generator=generator)
        lengths[0] = horizon
        mask = torch.arange(horizon) < lengths[:, None]
        # What stands in the padding must not matter.
        log_pi, advantage = torch.randn(2, episodes, horizon, generator=generator, dtype=torch.float64)
        yield case(-log_pi.abs() - 0.2, advantage + 0.3, mask)


def _derivatives(answer, log_pi, advantage, mask):
    """Gradient and Hessian of the loss as a function of the log-probabilities themselves."""

    def loss(values):
        value = answer(values, advantage, mask)
        if not isinstance(value, torch.Tensor) or value.shape:
            raise TypeError("dice_loss must return one number as a tensor without axes.")
        return value + 0 * values.sum()

    return {
        "gradient": torch.autograd.functional.jacobian(loss, log_pi),
        "Hessian": torch.autograd.functional.hessian(loss, log_pi),
    }


def _by_definition(log_pi, advantage, mask):
    """−A_t / n, and −A_max(t, t') / n for two steps of one episode: chapter 09, under (09.7)."""
    count, (episodes, horizon) = int(mask.sum()), log_pi.shape
    hessian = torch.zeros(episodes, horizon, episodes, horizon, dtype=log_pi.dtype)
    for episode in range(episodes):
        for t in range(horizon):
            for other in range(horizon):
                if mask[episode, t] and mask[episode, other]:
                    hessian[episode, t, episode, other] = -advantage[episode, max(t, other)] / count
    return {"gradient": torch.where(mask, -advantage / count, 0.0), "Hessian": hessian}


def _mean(weighted, mask):
    return -(weighted * mask).sum() / mask.sum()


def _dice(log_pi, mask, through=None):
    """The weights, with a faulty c_t if one is given."""
    own = log_pi * mask
    through = own.cumsum(-1) if through is None else through(own)
    return stop_ratio(through) - stop_ratio(through - own)


def _scaled(log_pi, advantage, mask):
    own = log_pi * mask / mask.sum(-1, keepdim=True)
    through = own.cumsum(-1)
    return _mean((stop_ratio(through) - stop_ratio(through - own)) * advantage, mask)


def _scaled_by_all(log_pi, advantage, mask):
    own = log_pi * mask / mask.sum()
    through = own.cumsum(-1)
    return _mean((stop_ratio(through) - stop_ratio(through - own)) * advantage, mask)


def _scaled_by_episodes(log_pi, advantage, mask):
    own = log_pi * mask / len(mask)
    through = own.cumsum(-1)
    return _mean((stop_ratio(through) - stop_ratio(through - own)) * advantage, mask)


def _explained_by(*answers):
    """Recognised by what any of these answers leads to."""

    def when(got, log_pi, advantage, mask):
        def same(answer):
            found = _derivatives(answer, log_pi, advantage, mask)
            return all(torch.allclose(got[key], found[key], rtol=1e-6, atol=1e-9) for key in found)

        return any(same(answer) for answer in answers)

    return when


check_dice_loss = function_check(
    "dice_loss",
    _by_definition,
    _episode_cases,
    Wrong(
        "naive",
        "The gradient is right and the second derivative with respect to the log-probabilities is zero: the change of "
        "the trajectories' probabilities is missing altogether.",
        lambda x, a, m: _mean(x * a, m),
    ),
    Wrong(
        "lvc",
        "The gradient is right. Of the second derivatives only those of a step with itself are there. Which actions "
        "does a later reward depend on?",
        lambda x, a, m: _mean(stop_ratio(x) * a, m),
    ),
    Wrong(
        "nothing_held",
        "All derivatives of your loss are zero. What is the derivative of exp(c - c)? One of the two must be constant.",
        lambda x, a, m: _mean((x - x).exp() * a, m),
    ),
    Wrong(
        "whole_episode",
        "Your box holds all actions of the episode at every step. Should an action that comes after t have a part in "
        "the weight of step t?",
        lambda x, a, m: _mean(stop_ratio((x * m).sum(-1, keepdim=True)) * a, m),
    ),
    Wrong(
        "box_on_advantages",
        "The magic box up to t stands on A_t itself. On a reward r_t it is right. But A_t already holds the rewards "
        "after t: how often does each of them count now?",
        lambda x, a, m: _mean(stop_ratio((x * m).cumsum(-1)) * a, m),
    ),
    Wrong(
        "sum_scaled",
        "The log-probabilities are divided by a number of steps or episodes inside the exponential. Scores are then "
        "too small, and products of two scores too small twice. Only the outermost mean divides.",
        when=_explained_by(_scaled, _scaled_by_all, _scaled_by_episodes),
    ),
    Wrong(
        "across_episodes",
        "Steps of different episodes have a mixed second derivative. Along which axis does your sum run, and where "
        "does it begin anew?",
        when=_explained_by(
            lambda x, a, m: _mean(_dice(x, m, lambda own: own.flatten().cumsum(0).view_as(own)) * a, m),
            lambda x, a, m: _mean(_dice(x, m, lambda own: own.cumsum(0)) * a, m),
        ),
    ),
    Wrong(
        "sign",
        "All derivatives have the wrong sign. A loss is descended, a return is climbed.",
        lambda x, a, m: -_mean(_dice(x, m) * a, m),
    ),
    Wrong(
        "sum_over_steps",
        "Right up to a factor: the sum over all steps instead of their mean, so that the inner step would grow with "
        "the number of episodes.",
        lambda x, a, m: -(_dice(x, m) * a * m).sum(),
    ),
    Wrong(
        "mask_ignored",
        "What stands in the padding enters. Which steps have been taken?",
        when=_explained_by(
            lambda x, a, m: _mean(_dice(x, torch.ones_like(m)) * a, torch.ones_like(m)),
            lambda x, a, m: -(_dice(x, m) * a * m).mean(),
        ),
    ),
    observe=_derivatives,
)  # fmt: skip
