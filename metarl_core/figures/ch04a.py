"""The figures of appendix 04a, The natural gradient and TRPO."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence

from metarl_core import plotting
from metarl_core.figures.ch04 import COLOR


def moved_normals(pairs: Sequence[tuple[Normal, Normal]]) -> None:
    """Densities before and after a step, a pair a panel."""
    drawn, axes = plotting.figure(1, len(pairs), width=9.6, height=3.2)
    a = torch.linspace(-2.5, 3, 600)
    for panel, (before, after) in zip(axes, pairs, strict=True):
        for policy, color, line, label in (
            (before, plotting.GREY, "--", "before"),
            (after, plotting.BLUE, "-", "after"),
        ):
            density = policy.log_prob(a).exp()
            panel.plot(a, density, color=color, linestyle=line, label=label)
            panel.fill_between(a, density, color=color, alpha=0.2, linewidth=0)
        kl = float(kl_divergence(before, after))
        panel.set(title=f"σ = {float(before.scale):g}: KL = {kl:.3g}", xlabel="action a", ylabel="density π(a)")
    axes[0].legend()
    plotting.show(
        drawn,
        "Two pairs of normal densities whose means differ by 0.5. With standard deviation 1 they overlap nearly fully; "
        "with 0.1 not at all.",
    )


def two_fields(mu: np.ndarray, ell: np.ndarray, plain: np.ndarray, natural: np.ndarray) -> None:
    """Directions of two gradients over mean and log standard deviation, on contours of J = −(μ − 1)² − σ²."""
    drawn, axes = plotting.figure(1, 2, width=10.4, height=4.2, sharey=True)
    fine = np.meshgrid(np.linspace(-1.4, 3.4, 200), np.linspace(-2.3, 0.7, 200))
    surface = -((fine[0] - 1) ** 2) - np.exp(2 * fine[1])
    for panel, field, title in zip(axes, (plain, natural), ("plain", "natural"), strict=True):
        arrows = 0.24 * field / np.hypot(*field)
        panel.contour(*fine, surface, levels=14, colors=plotting.GREY, linewidths=0.6, alpha=0.6, linestyles="solid")
        panel.quiver(
            mu, ell, *arrows, angles="xy", scale_units="xy", scale=1, color=plotting.BLUE, width=0.006, pivot="mid"
        )  # fmt: skip
        panel.plot(1, -2.25, "*", color=plotting.RED, markersize=14)
        panel.set(xlabel="mean μ", title=f"direction of the {title} gradient", xlim=(-1.4, 3.4), ylim=(-2.4, 0.8))
        panel.grid(visible=False)
    axes[0].set_ylabel("log standard deviation ℓ")
    plotting.show(
        drawn,
        "Two fields of arrows of equal length over mean and log standard deviation of a normal policy. Plain: steeply "
        "downwards at large σ, nearly horizontal at small σ. Natural: the same direction at all heights, which depends "
        "on the distance of the mean from 1 only.",
    )


def surrogate_and_bound(coarse: np.ndarray, near: np.ndarray, C: float, best: float) -> None:
    """J, surrogate L and largest KL along a line, `[3, length]` each; the bound L − C KL in the enlarged panel."""
    drawn, (left, right) = plotting.figure(1, 2, width=10.4, height=3.9)
    for panel, (curve, estimated, kl) in ((left, coarse), (right, near)):
        panel.plot(kl, curve, color="black", label="J")
        panel.plot(kl, estimated, color=plotting.ORANGE, linestyle="--", label="surrogate L")
        panel.set(xlabel="largest KL over states", ylabel="return J")
    curve, estimated, kl = near
    right.plot(kl, estimated - C * kl, color=plotting.RED, linestyle=":", label="bound (04.20)")
    right.ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
    left.axvline(best, color=plotting.RED, linestyle=":", linewidth=1.5, label="best by the bound")
    left.axvline(0.01, color=plotting.PURPLE, linestyle="-.", linewidth=1.5, label="KL = 0.01")
    left.legend(loc="upper left")
    right.legend(loc="lower left")
    left.set_xscale("log")
    left.set_title("steps along the natural gradient")
    right.set_title("the first of them, enlarged")
    plotting.show(
        drawn,
        "Left: return and surrogate against the KL of a step along the natural gradient, logarithmic; the surrogate "
        "bends away from the return as the step grows. The best step by the bound has less than a hundredth of the KL "
        "0.01. Right: enlarged, return and surrogate coincide and the lower bound rises first and soon falls.",
    )


def update_sizes(runs: Mapping[str, tuple[np.ndarray, np.ndarray]], limit: float) -> None:
    """KL and return after each update, `[update, seed]` each, by method; the limit of TRPO as a line."""
    drawn, (left, right) = plotting.figure(1, 2, width=10.4, height=3.9)
    for (name, (kls, returns)), marker in zip(runs.items(), "vs", strict=True):
        place = np.arange(1, len(kls) + 1)
        left.plot(place, np.maximum(kls, 1e-6), marker, color=COLOR[name], markersize=3.5, alpha=0.7)
        left.plot([], [], marker, color=COLOR[name], label=name)
        right.plot(place, returns, color=COLOR[name], alpha=0.5, linewidth=1)
        right.plot(place, returns.mean(1), color=COLOR[name], linewidth=2.5, label=name)
    left.axhline(limit, color="black", linestyle=":", label="limit of TRPO")
    left.set(yscale="log", xlabel="update", ylabel="mean KL of the update", title="How far the policy moved")
    left.legend(fontsize=10, loc="lower left")
    right.set(xlabel="update", ylabel="return of the last 20 episodes", title="Returns (thick: mean of five)")
    right.legend(fontsize=10, loc="upper left")
    plotting.show(
        drawn,
        "Left: KL divergence of each update of five agents, logarithmic. TRPO lies in a narrow band just below its "
        "limit of 0.01; A2C scatters over more than an order of magnitude. Right: returns on CartPole.",
    )
