"""The check of the exercise `log_density`."""

import contextlib
import math

import torch
from scipy import stats
from torch.distributions import Distribution

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch04.oracles import slopes_of


def _draw_actions(draw):
    """1 to 5 dimensions, leading shapes of no, one, two or three axes; σ from 0.05 to 7, actions many σ away too."""
    shape = [draw.integer(1, 4) for _ in range(draw.choice(0, 1, 1, 2, 3) if draw.size > 0.1 else draw.choice(0, 1))]
    size, scale = draw.integer(1, 5), draw.choice(1.0, 1.0, 30.0)
    action, center = draw.normal(*shape, size, scale=scale), draw.normal(size, *shape, scale=scale).movedim(0, -1)
    log_std = torch.tensor([draw.uniform(-3.0, 2.0) for _ in range(size)], dtype=torch.float64)
    graphs = draw.chance(0.5), draw.chance(0.5)
    return case(action, center.requires_grad_(graphs[0]), log_std.requires_grad_(graphs[1])).noting(
        {
            "there is one dimension": size == 1,
            "there is no leading axis": not shape,
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
        lambda action, center, log_std: _density(action, center, log_std, spread=log_std),
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
