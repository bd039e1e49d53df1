"""The check of the exercise `log_density`."""

import contextlib
import math
from functools import partial

import torch
from scipy import stats
from torch.distributions import Distribution

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch04.oracles import slopes_of
from metarl_core.check.compare import difference


def _draw_actions(draw):
    """1 to 5 dimensions, no to three leading axes; σ from 0.05 to 7, or 1e-4 to 55; actions many σ away too."""
    shape = [draw.integer(1, 4) for _ in range(draw.choice(0, 1, 1, 2, 3) if draw.size > 0.1 else draw.choice(0, 1))]
    size, scale = draw.integer(1, 5), draw.choice(1.0, 1.0, 30.0)
    action, center = draw.normal(*shape, size, scale=scale), draw.normal(size, *shape, scale=scale).movedim(0, -1)
    widest = draw.choice((-3.0, 2.0), (-3.0, 2.0), (-9.0, 4.0))
    log_std = torch.tensor([draw.uniform(*widest) for _ in range(size)], dtype=torch.float64)
    graphs = draw.chance(0.5), draw.chance(0.5)
    return case(action, center.requires_grad_(graphs[0]), log_std.requires_grad_(graphs[1])).noting(
        {
            "there is one dimension": size == 1,
            "there are more than two dimensions": size > 2,
            "there is no leading axis": not shape,
            "there is one leading axis": len(shape) == 1,
            "an action is more than ten σ from the mean": ((action - center).abs() > 10 * log_std.exp()).any(),
            "a log σ is below -5 or above 2": ((log_std < -5) | (log_std > 2)).any(),
            "π is so small that a float holds 0": bool((_density(action, center, log_std) < -700).any()),
            "there are several leading axes": len(shape) > 1,
            "the mean carries a graph": graphs[0],
            "log σ carries a graph": graphs[1],
        }
    )


@contextlib.contextmanager
def _noting_distributions():
    """Every distribution of torch that is made in the body."""
    made, usual = [], Distribution.__init__

    def noting(self, *args, **kwargs):
        made.append(self)
        usual(self, *args, **kwargs)

    Distribution.__init__ = noting
    try:
        yield made
    finally:
        Distribution.__init__ = usual


def _look_at_density(answer, action, center, log_std):
    with _noting_distributions() as made:
        density = answer(action, center, log_std)
    slopes = slopes_of(density, (center, log_std))
    return {
        "log π": density.detach(),
        "gradient of its sum into the mean": slopes[0],
        "gradient of its sum into log σ": slopes[1],
        "no torch.distributions": not made,
    }


def _joint_density(action, center, log_std):
    """scipy's density of each number; the derivatives of (3) by hand, where they are asked for."""
    a, m, s = (x.detach().numpy() for x in (action, center, log_std.exp()))
    z = torch.as_tensor((a - m) / s)
    asked = [float(x.requires_grad) for x in (center, log_std)]
    return {
        "log π": torch.as_tensor(stats.norm.logpdf(a, m, s)).sum(-1),
        "gradient of its sum into the mean": asked[0] * z / torch.as_tensor(s),
        "gradient of its sum into log σ": asked[1] * (z**2 - 1).reshape(-1, len(s)).sum(0),
        "no torch.distributions": True,
    }


def _density(action, center, log_std, spread=None, determinant=True, constant=True, reduce=torch.sum):
    spread = log_std.exp() if spread is None else spread
    each = -0.5 * ((action - center) / spread) ** 2
    each = each - (log_std if determinant else 0) - (0.5 * math.log(2 * math.pi) if constant else 0)
    return reduce(each, dim=-1)


_KEYS = ("log π", "gradient of its sum into the mean", "gradient of its sum into log σ")


def _agrees(got, answer, args, keys=_KEYS):
    """Whether what was observed is what this answer leads to."""
    theirs = _look_at_density(answer, *args)
    return all(difference(got[key], theirs[key], 1e-9, 2e-6) is None for key in keys)


def _off_by_a_constant(got, *args):
    """Right gradients, and densities off by one and the same number."""
    gap = got["log π"] - _density(*args).detach()
    return _agrees(got, _density, args, _KEYS[1:]) and bool(
        (gap - gap.mean()).abs().max() < 1e-6 + 1e-9 * args[0].numel()
    )


def _off_by_a_little(got, *args):
    gap = got["log π"] - _density(*args).detach()
    return _off_by_a_constant(got, *args) and bool(gap.abs().max() < 0.01 * len(args[2]))


def _corrected_for_tanh(got, *args):
    def answer(action, center, log_std, small):
        return _density(action, center, log_std) - torch.log(1 - action.tanh().square() + small).sum(-1)

    return any(_agrees(got, partial(answer, small=small), args) for small in (0.0, 1e-8, 1e-7, 1e-6, 1e-5))


def _logarithm_of_the_product(action, center, log_std):
    density = torch.exp(-0.5 * ((action - center) / log_std.exp()) ** 2) / (log_std.exp() * math.sqrt(2 * math.pi))
    return density.prod(-1).log()


def _limited(got, action, center, log_std):
    limits = [(low, high) for low in (-20.0, -10.0, -5.0, -2.0, -1e9) for high in (0.0, 0.5, 1.0, 2.0, 1e9)]
    return any(
        _agrees(got, lambda a, m, s, low=low, high=high: _density(a, m, s.clamp(low, high)), (action, center, log_std))
        for low, high in limits[:-1]
    )


def _lost(got, action, center, log_std, key):
    """Whether everything is right but this gradient, which is 0."""
    others = [other for other in _KEYS if other != key]
    return _agrees(got, _density, (action, center, log_std), others) and bool((got[key] == 0).all())


def _with_a_small_number(got, *args):
    def answer(action, center, log_std, small, inside):
        spread = log_std.exp() + small
        return _density(action, center, spread.log() if inside else log_std, spread=spread)

    ways = [(small, inside) for small in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8) for inside in (True, False)]
    return any(_agrees(got, partial(answer, small=small, inside=inside), args) for small, inside in ways)


def _by_log_std(got, *args):
    def answer(action, center, log_std, determinant):
        return _density(action, center, determinant(log_std), spread=log_std)

    ways = (torch.clone, lambda s: s.abs().log(), torch.log)
    return any(_agrees(got, partial(answer, determinant=way), args) for way in ways)


check_log_density = function_check(
    "log_density",
    _joint_density,
    _draw_actions,
    Wrong(
        "distributions",
        "torch.distributions computes your density. Here you write it: what is the logarithm of (3)?",
        when=lambda got, *_: not got["no torch.distributions"],
    ),
    Wrong(
        "mean_over_dimensions",
        "Independent dimensions: their densities multiply. What does that make of their logarithms, and is "
        "it what you do?",
        lambda *a: _density(*a, reduce=torch.mean),
    ),
    Wrong(
        "sign",
        "Your sign is turned: that is the negative log-likelihood, a loss.",
        lambda *a: -_density(*a),
    ),
    Wrong(
        "no_half",
        "The squared deviation stands there in full. Which factor has it in (3)?",
        lambda *a: _density(a[0], a[1], a[2], spread=a[2].exp() / math.sqrt(2)),
    ),
    Wrong(
        "not_squared",
        "The deviation stands in your exponent by its size. What is done with it in (3)?",
        lambda a, m, s: (-0.5 * ((a - m) / s.exp()).abs() - s - 0.5 * math.log(2 * math.pi)).sum(-1),
    ),
    Wrong(
        "log_variance",
        "You subtract the logarithm of the variance. What stands in the denominator of (3), σ or its square?",
        lambda *a: _density(*a) - a[2].sum(),
    ),
    Wrong(
        "half_log_std",
        "You subtract half of log σ. With the variance that would be right; what is `log_std` the logarithm of?",
        lambda *a: _density(*a) + a[2].sum() / 2,
    ),
    Wrong(
        "constant_not_halved",
        "All is right but a constant: what is the logarithm of a square root?",
        lambda *a: _density(*a) - 0.5 * len(a[2]) * math.log(2 * math.pi),
    ),
    Wrong(
        "squashed",
        "You correct for a tanh. Is the action of (3) squashed?",
        when=_corrected_for_tanh,
    ),
    Wrong(
        "logarithm_of_zero",
        "Far from the mean the density is 0 in the machine, and you take its logarithm. Can that be had without the "
        "density?",
        _logarithm_of_the_product,
    ),
    Wrong(
        "limits_log_std",
        "Your log σ is limited to a range, as in some implementations. Does (3) limit it?",
        when=_limited,
    ),
    Wrong(
        "mean_detached",
        "The density is right, and no gradient reaches the mean.",
        when=lambda got, action, center, log_std: _lost(
            got, action, center, log_std, "gradient of its sum into the mean"
        ),
    ),
    Wrong(
        "log_std_detached",
        "The density is right, and no gradient reaches log σ.",
        when=lambda got, action, center, log_std: _lost(got, action, center, log_std, "gradient of its sum into log σ"),
    ),
    Wrong(
        "adds_a_small_number",
        "You add a small number to σ. Can σ = exp(log σ) be 0?",
        when=_with_a_small_number,
    ),
    Wrong(
        "variance_for_std",
        "You divide the squared deviation by the standard deviation, not by the variance.",
        lambda action, center, log_std: _density(action, center, log_std, spread=(log_std / 2).exp()),
    ),
    Wrong(
        "divides_by_the_square",
        "You standardise by the variance: the deviation gets divided by σ² and is squared after that.",
        lambda action, center, log_std: _density(action, center, log_std, spread=(2 * log_std).exp()),
    ),
    Wrong(
        "log_std_as_std",
        "You divide by log σ. Which function brings σ back?",
        when=_by_log_std,
    ),
    Wrong(
        "no_log_determinant",
        "Your density does not integrate to one: a narrow normal distribution is also a high one. Where is that?",
        lambda *a: _density(*a, determinant=False),
    ),
    Wrong(
        "determinant_turned",
        "Your density is high where σ is large. Is a wide normal distribution a high one?",
        lambda *a: _density(*a) + 2 * a[2].sum(),
    ),
    Wrong(
        "no_constant",
        "The gradient is right, the density is not: a factor that does not depend on any parameter is "
        "missing. How often does it occur in d dimensions?",
        lambda *a: _density(*a, constant=False),
    ),
    Wrong(
        "one_constant_for_all",
        "All is right but a constant. The factor 1/√(2π) belongs to each dimension.",
        lambda *a: _density(*a, constant=False) - 0.5 * math.log(2 * math.pi),
    ),
    Wrong(
        "rounded_constant",
        "The gradients are right, and all densities are off by the same little. Has a constant too few digits?",
        when=_off_by_a_little,
    ),
    Wrong(
        "other_constant",
        "The gradients are right, and on each input all densities are off by one and the same number. Which constant?",
        when=_off_by_a_constant,
    ),
    Wrong(
        "density_itself",
        "That is π(a | s) itself. Far from the mean it is 0 in the machine: which function is asked for?",
        lambda *a: _density(*a).exp(),
    ),
    Wrong(
        "no_gradient",
        "The density is right, and no gradient leaves it. How would a policy gradient reach the mean and σ?",
        lambda *a: _density(*a).detach(),
    ),
    observe=_look_at_density,
    rtol=1e-9,  # and more absolutely: a float32 in log 2π, by torch.tensor(2 * pi), is nobody's error
    atol=2e-6,
)
