"""PPO's clip and GAE's λ: what a clipped objective still follows, and what an estimate of the advantage trades."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from metarl_core import plotting
from metarl_core.agents.ppo import clipped_surrogate_loss
from metarl_core.exact import gae_bias_and_variance
from metarl_core.widgets.explorer import Explorer, slider

BATCH = 100
"""episodes in the mean whose error is shown"""


def policy_gradient_explorer(samples: int = 60) -> Explorer:
    """PPO's objective and the samples of a batch that it still moves, beside GAE's weights and their price.

    Args:
        samples: size of the batch of probability ratios.
    """
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(0))
    gae_lambdas = tuple(np.linspace(0, 1, 21).round(2).tolist())

    def draw(clip: float, advantage: float, moved: float, gae_lambda: float, discount: float, error: float) -> Figure:
        margins = {"left": 0.06, "right": 0.985, "bottom": 0.15, "top": 0.87, "wspace": 0.3}
        figure, (left, middle, right) = plotting.figure(1, 3, width=11.5, height=3.8, margins=margins)
        _draw_clip(left, clip, advantage, (moved * noise).exp())
        _draw_weights(middle, gae_lambda, discount)
        _draw_price(right, gae_lambda, discount, error, gae_lambdas)
        return figure

    return Explorer(
        draw,
        "Left: PPO's clipped objective against the probability ratio, with a batch of ratios: blue dots still get a "
        "gradient, grey ones none. Middle: bars of the weight that GAE gives to each n-step advantage. Right: bias, "
        "standard deviation and error of the gradient estimate from 100 episodes against λ, exactly, on a small MDP.",
        clip=slider(0.2, 0.05, 0.5, 0.05, "PPO: ε"),
        advantage=slider(1.0, -1.5, 1.5, 0.25, "advantage A"),
        moved=slider(0.25, 0.05, 0.6, 0.05, "spread of log ratios"),
        gae_lambda=slider(0.8, 0.0, 1.0, 0.05, "GAE: λ"),
        discount=slider(0.95, 0.5, 1.0, 0.05, "γ"),
        error=slider(1.0, 0.0, 2.0, 0.25, "error of V"),
    )


def _draw_clip(axes, clip: float, advantage: float, ratios: Tensor) -> None:
    # The package's own loss says where a sample still has a gradient.
    logs = ratios.log().requires_grad_()
    objective = -clipped_surrogate_loss(logs, torch.zeros_like(logs), torch.tensor(advantage), clip)
    (slope,) = torch.autograd.grad(objective.sum(), logs)
    alive = slope != 0
    grid = torch.linspace(0.2, 2.0, 200)
    line = -clipped_surrogate_loss(grid.log(), torch.zeros_like(grid), torch.tensor(advantage), clip)
    axes.axvspan(1 - clip, 1 + clip, color=plotting.GREY, alpha=0.12, linewidth=0)
    axes.plot(grid, line, color="black", linewidth=1.5)
    for chosen, color, label in ((alive, plotting.BLUE, "gradient"), (~alive, plotting.GREY, "no gradient")):
        height = objective.detach()[chosen]
        axes.plot(ratios[chosen], height, "o", color=color, markersize=5, alpha=0.7, label=label)
    axes.set(xlim=(0.2, 2.0), ylim=(-3.1, 3.1), xlabel="ratio ρ = π / π_old", ylabel="objective of one sample")
    axes.set_title(f"{int(alive.sum())} of {len(ratios)} samples have a gradient")
    axes.legend(fontsize=9, loc="lower left" if advantage >= 0 else "upper right")


def _draw_weights(axes, gae_lambda: float, discount: float) -> None:
    steps = np.arange(1, 16)
    weights = (1 - gae_lambda) * gae_lambda ** (steps - 1)
    axes.bar(steps, weights, color=plotting.ORANGE, width=0.7, label="of the n-step advantage")
    axes.plot(
        steps,
        (discount * gae_lambda) ** (steps - 1),
        "o-",
        color=plotting.GREEN,
        markersize=4,
        label="of δ, n − 1 steps on",
    )
    axes.set(
        ylim=(0, 1.15), xlabel="n", ylabel="weight", title=f"GAE: {gae_lambda**15:.0%} of the weight lies beyond n = 15"
    )
    axes.legend(fontsize=9, loc="upper right")


def _draw_price(axes, gae_lambda: float, discount: float, error: float, gae_lambdas: tuple[float, ...]) -> None:
    bias, variance = gae_bias_and_variance(round(discount, 2), gae_lambdas, error).T
    place = int(np.argmin(np.abs(np.array(gae_lambdas) - gae_lambda)))
    spread = np.sqrt(variance / BATCH)
    total = np.sqrt(bias**2 + spread**2)
    for curve, color, line, label in (
        (bias, plotting.RED, "-", "bias"),
        (spread, plotting.BLUE, "-", "standard deviation"),
        (total, "black", "--", "both: root mean squared error"),
    ):
        axes.plot(gae_lambdas, curve, line, color=color, linewidth=1.6, label=label)
        axes.plot(gae_lambdas[place], curve[place], "o", color=color, markersize=5)
    axes.plot(gae_lambdas[int(total.argmin())], total.min(), "*", color="black", markersize=12)
    axes.set(ylim=(0, 1.6), xlabel="λ", ylabel="of the gradient", title=f"{BATCH} episodes, three states: exact")
    axes.legend(fontsize=9, loc="upper left")
