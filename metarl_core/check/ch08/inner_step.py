"""The check of the exercise `inner_step`."""

import itertools
from collections.abc import Mapping

import torch

from metarl_core.check import CheckFailed, Wrong, case, function_check
from metarl_core.check.compare import difference
from metarl_core.check.describe import describe

RATES = (0.001, 0.01, 0.05, 0.1, 0.5, 1.0)
"""step sizes that are written into code"""


def _draw_case(draw):
    """1 to 4 episodes of 1 to 6 steps, once 60 of each, 1 to 3 numbers of a state and of an action; step sizes from
    0 to 2.

    On the padding stand numbers like any others. Sometimes theta asks for derivatives, as a policy's parameters do, and
    sometimes a standard deviation is far from 1: e⁻³ or e⁻⁸, or e² and more;
    and sometimes theta has its entries in the other order.
    """
    episodes, horizon = draw.integer(1, 4), 1 if draw.chance(0.15) else draw.integer(2, 6)
    size, moves = draw.choice(1, draw.integer(1, 3)), draw.choice(1, 2, draw.integer(1, 3))
    episodes, horizon = draw.once(17, 60, episodes), draw.once(18, 60, horizon)
    alpha = draw.choice(0.0, 1.0, *(draw.uniform(0.02, 2.0) for _ in range(6)))
    theta = {"weight": 0.5 * draw.normal(moves, size), "log_std": 0.4 * draw.normal(moves) - 0.4}
    if draw.chance(0.3):
        theta["log_std"][0] = draw.choice(-3.0, -8.0, -8.0, 2.25, 2.5)
    lengths = draw.integers(1, horizon, episodes, 1)
    lengths[0] = draw.once(18, horizon, int(lengths[0]))
    mask = torch.arange(horizon) < lengths
    states = draw.normal(episodes, horizon, size) + draw.choice(0.0, 1.0)
    noise = theta["log_std"].exp() * draw.normal(episodes, horizon, moves)
    actions = states @ theta["weight"].T + noise
    advantage = draw.skewed(episodes, horizon)
    asks = draw.chance(0.3)
    turned = draw.chance(0.3)
    theta = {name: theta[name].requires_grad_(asks) for name in (reversed(theta) if turned else list(theta))}
    return case(theta, states, actions, advantage, mask, alpha).noting(
        {
            "an action is one number": moves == 1,
            "no step is padding": bool(mask.all()),
            "there is one episode": episodes == 1,
            "theta asks for derivatives": asks,
            "alpha is 0": alpha == 0.0,
            "`theta` has log_std before weight": turned,
            "a standard deviation is far from 1": bool((theta["log_std"].abs() > 1).any()),
        }
    )


def _step_by_scores(
    theta, states, actions, advantage, mask, alpha,
    sign=1.0, scale=1.0, rate=None, count="steps", padding=False, normaliser=1.0, power=1.0,
):  # fmt: skip
    """The score of a normal density in closed form, one step after another."""
    theta = {name: value.detach() for name, value in theta.items()}
    weight, std = theta["weight"], (power * theta["log_std"]).exp()
    rise = {name: torch.zeros_like(value) for name, value in theta.items()}
    for episode, t in itertools.product(*map(range, mask.shape)):
        if not (padding or mask[episode, t]):
            continue
        z = (actions[episode, t] - weight @ states[episode, t]) / std
        rise["weight"] += advantage[episode, t] * torch.outer(z / std, states[episode, t])
        rise["log_std"] += advantage[episode, t] * power * (z**2 - normaliser)
    number = {"steps": mask.sum(), "places": mask.numel(), "episodes": len(mask), "one": 1}[count]
    used = alpha if rate is None else rate
    return {name: value + sign * scale * used * rise[name] / number for name, value in theta.items()}


def _constant_rate(got, *arguments):
    """The right step of a step size that is not α."""
    got = {name: value for name, value in got.items() if name != "no graph"}
    return any(difference(got, _step_by_scores(*arguments, rate=rate), None, None) is None for rate in RATES)


def _of_scaled_advantages(got, theta, states, actions, advantage, mask, alpha, small, correction):
    """Whether it is the step of advantages with mean 0 and deviation 1, `small` added to the deviation."""
    centred = advantage - advantage[mask].mean()
    deviation = (centred[mask].square().sum() / max(1, int(mask.sum()) - correction)).sqrt()
    scaled = centred / (deviation + small)
    step = _step_by_scores(theta, states, actions, scaled, mask, alpha)
    return difference({name: got[name] for name in step}, step, None, None) is None


_SCALED = tuple(itertools.product((0.0, 1e-8, 1e-6, 1e-5), (0, 1)))


def _answer(**fault):
    return lambda *arguments: _step_by_scores(*arguments, **fault)


def _expected(*arguments):
    return _step_by_scores(*arguments) | {"no graph": True}


def _looked_at(answer, *arguments):
    """The parameters as numbers, and whether one of them still hangs on theta."""
    found = answer(*arguments)
    if not isinstance(found, Mapping):
        raise CheckFailed(
            f"`inner_step` returned {describe(found)}; expected is a dictionary like theta, with its two names.", "type"
        )
    graph = any(isinstance(value, torch.Tensor) and value.requires_grad for value in found.values())
    numbers = {name: value.detach() if isinstance(value, torch.Tensor) else value for name, value in found.items()}
    return numbers | {"no graph": not graph}


check_inner_step = function_check(
    "inner_step",
    _expected,
    _draw_case,
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
        _answer(sign=-1.0),
    ),
    Wrong(
        "padding_counted",
        "Your mean divides by all places of the tensor. How many steps were taken?",
        _answer(count="places"),
    ),
    Wrong(
        "mean_over_episodes",
        "You sum over the time of an episode and divide by the number of episodes. Then long episodes make long steps: "
        "(2) divides by the number of *steps*.",
        _answer(count="episodes"),
    ),
    Wrong(
        "sum_over_steps",
        "Your step grows with the amount of data. Collect the same episodes twice: should the step be twice as long?",
        _answer(count="one"),
    ),
    Wrong(
        "spread_not_adapted",
        "The weights are right; the standard deviation stayed where it was. Is it not a parameter of the policy?",
        lambda *a: _step_by_scores(*a) | {"log_std": a[0]["log_std"].detach()},
    ),
    Wrong(
        "normaliser_forgotten",
        "The weights are right. In the density, something beside z depends on the standard deviation: what happens to "
        "its height when it gets wider?",
        _answer(normaliser=0.0),
    ),
    Wrong(
        "padding_pushes",
        "You divide by the steps that were taken, and sum over all places of the tensor. What stands where there was "
        "no step?",
        _answer(padding=True),
    ),
    Wrong(
        "padding_everywhere",
        "Sum and mean run over all places of the tensor. Which of them are steps?",
        _answer(padding=True, count="places"),
    ),
    Wrong(
        "episodes_alike",
        "You take the mean of each episode, and then the mean of these: a step of a short episode counts more than one "
        "of a long episode. Which mean is (2)?",
        lambda theta, states, actions, advantage, mask, alpha: _step_by_scores(
            theta, states, actions, advantage * mask.sum() / (len(mask) * mask.sum(1, keepdim=True)), mask, alpha
        ),
    ),
    Wrong(
        "advantages_centred",
        "You take the mean off the advantages. They come ready for use.",
        lambda theta, states, actions, advantage, mask, alpha: _step_by_scores(
            theta, states, actions, advantage - advantage[mask].mean(), mask, alpha
        ),
    ),
    Wrong(
        "advantages_normalised",
        "You divide the advantages by their deviation. They come ready for use.",
        when=lambda got, *a: any(_of_scaled_advantages(got, *a, small=s, correction=c) for s, c in _SCALED),
    ),
    Wrong(
        "std_as_variance",
        "Your density has the variance exp(log_std). What is it that the logarithm was taken of?",
        _answer(power=0.5),
    ),
    Wrong(
        "graph_kept",
        "The result carries a graph, or asks for one: it would hold on to everything that it came from, step after "
        "step. Where is the place to cut it?",
        when=lambda got, *a: not got["no graph"],
        fault="graph",
    ),
    observe=_looked_at,
)
