"""The check of the exercise `inner_step`."""

import itertools

import torch

from metarl_core.check import Wrong, case, function_check


def _step_cases():
    for seed, (episodes, horizon, size, moves, alpha) in enumerate(
        ((4, 6, 2, 2, 0.5), (3, 9, 3, 4, 0.2), (5, 5, 2, 3, 1.5))
    ):
        generator = torch.Generator().manual_seed(10 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        theta = {"weight": 0.5 * draw(moves, size), "log_std": 0.3 * draw(moves) - 0.5}
        mask = torch.arange(horizon) < torch.randint(2, horizon, (episodes, 1), generator=generator)
        states = draw(episodes, horizon, size) * mask[..., None]
        actions = (states @ theta["weight"].T + theta["log_std"].exp() * draw(episodes, horizon, moves)) * mask[
            ..., None
        ]
        yield case(theta, states, actions, draw(episodes, horizon) * mask, mask, alpha)


def _step_by_scores(
    theta, states, actions, advantage, mask, alpha, sign=1.0, scale=1.0, rate=None, per_step=True, real=True
):
    """The score of a normal density in closed form, one step after another."""
    weight, std = theta["weight"], theta["log_std"].exp()
    rise = {name: torch.zeros_like(value) for name, value in theta.items()}
    for episode, t in itertools.product(*map(range, mask.shape)):
        if real and not mask[episode, t]:
            continue
        z = (actions[episode, t] - weight @ states[episode, t]) / std
        rise["weight"] += advantage[episode, t] * torch.outer(z / std, states[episode, t])
        rise["log_std"] += advantage[episode, t] * (z**2 - 1)
    count = (mask.sum() if real else mask.numel()) if per_step else mask.shape[0]
    count = 1 if per_step is None else count
    used = alpha if rate is None else rate
    return {name: value + sign * scale * used * rise[name] / count for name, value in theta.items()}


def _constant_rate(got, theta, states, actions, advantage, mask, alpha):
    """A step along the right direction whose length is not α's: the same in all cases is a constant."""
    unit = _step_by_scores(theta, states, actions, advantage, mask, 1.0)
    step = torch.cat([(got[name] - theta[name]).flatten() for name in theta])
    direction = torch.cat([(unit[name] - theta[name]).flatten() for name in theta])
    length = float(step @ direction / (direction @ direction))
    return any(abs(length - rate) < 1e-6 for rate in (0.01, 0.05, 0.1, 1.0))


check_inner_step = function_check(
    "inner_step",
    _step_by_scores,
    _step_cases,
    Wrong(
        "mean_over_dimensions",
        "Your step is too short by the number of action dimensions. How does the density of a vector of independent "
        "numbers follow from theirs?",
        lambda *a: _step_by_scores(*a, scale=1 / a[2].shape[-1]),
    ),
    Wrong(
        "inner_rate_ignored",
        "The direction is right, and its length does not depend on alpha: ask for twice the step size and look at what "
        "comes.",
        when=_constant_rate,
    ),
    Wrong(
        "sign",
        "After your step, actions of positive advantage are less likely than before. Is it a loss or an objective that "
        "you differentiated?",
        lambda *a: _step_by_scores(*a, sign=-1.0),
    ),
    Wrong(
        "padding_counted",
        "Your mean divides by all places of the tensor. How many steps were taken?",
        lambda *a: _step_by_scores(*a, real=False),
    ),
    Wrong(
        "mean_over_episodes",
        "You sum over the time of an episode and divide by the number of episodes. Then long episodes make long steps: "
        "(2) divides by the number of *steps*.",
        lambda *a: _step_by_scores(*a, per_step=False),
    ),
    Wrong(
        "sum_over_steps",
        "Your step grows with the amount of data. Collect the same episodes twice: should the step be twice as long?",
        lambda *a: _step_by_scores(*a, per_step=None),
    ),
    Wrong(
        "spread_not_adapted",
        "The weights are right; the standard deviation stayed where it was. Is it not a parameter of the policy?",
        lambda *a: _step_by_scores(*a) | {"log_std": a[0]["log_std"]},
    ),
)
