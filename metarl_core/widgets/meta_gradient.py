"""Bias and noise of the estimators of the meta-policy gradient, on chapter 04's small MDP."""

import functools
from dataclasses import dataclass

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from metarl_core import plotting
from metarl_core.widgets.explorer import Explorer, slider
from metarl_core.widgets.policy_gradient import ACTIONS, STATES, small_mdp

SIZE = STATES * ACTIONS
LOOK = {
    "first order": (plotting.SKY, "v"),
    "naive": (plotting.RED, "X"),
    "LVC": (plotting.BLUE, "o"),
    "DiCE": (plotting.GREEN, "D"),
    "naive + sampling term": (plotting.PURPLE, "s"),
}
"""Colour and marker of each estimator"""


def values(logits: Tensor, horizon: int) -> Tensor:
    """Expected reward-to-go `[..., time, S]` of the policies softmax(`logits`) `[..., S, A]`, by backward induction."""
    transitions, rewards, _ = small_mdp()
    policy, value, rows = logits.softmax(-1), torch.zeros_like(logits[..., 0]), []
    for _ in range(horizon):
        value = (policy * (rewards + torch.einsum("sat,...t->...sa", transitions, value))).sum(-1)
        rows.append(value)
    return torch.stack(rows[::-1], -2)


def expected_return(logits: Tensor, horizon: int) -> Tensor:
    """J `[...]`: mean reward *per step*, from a uniform first state, exactly."""
    return values(logits, horizon)[..., 0, :].mean(-1) / horizon


def slope(logits: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
    """∇J `[..., S · A]` and J `[...]`, exactly."""
    leaves = logits.detach().requires_grad_()
    returns = expected_return(leaves, horizon)
    return torch.autograd.grad(returns.sum(), leaves)[0].flatten(-2), returns.detach()


@dataclass(frozen=True)
class Episodes:
    """Sampled episodes, each with what it contributes to ∇J and to ∇²J."""

    score: Tensor
    """Σ_t ∇log π_t, `[episode, S · A]`"""
    gradient: Tensor
    """Σ_t ∇log π_t A_t / H, `[episode, S · A]`"""
    h1: Tensor
    """Σ_t ∇log π_t ∇log π_tᵀ A_t / H, `[episode, S · A, S · A]`; the others likewise"""
    h2: Tensor
    h12: Tensor
    """H₁₂ and its transpose added up"""


@functools.lru_cache(maxsize=12)
def draw_episodes(horizon: int, baseline: bool, number: int, seed: int = 0) -> Episodes:
    """`number` episodes of the fixed policy of `small_mdp`.

    Args:
        baseline: A_t is the reward-to-go less its exact expectation in (s_t, t); else the reward-to-go itself.
    """
    transitions, rewards, logits = small_mdp()
    generator = torch.Generator().manual_seed(seed)
    policy, tables = logits.softmax(-1), values(logits, horizon)
    steps, state = [], torch.randint(STATES, (number,), generator=generator)
    for _ in range(horizon):
        action = torch.multinomial(policy[state], 1, generator=generator)[:, 0]
        steps.append((state, action))
        state = torch.multinomial(transitions[state, action], 1, generator=generator)[:, 0]
    pairs = torch.eye(SIZE, dtype=torch.float64)
    inside = torch.eye(STATES, dtype=torch.float64)  # the entries of θ that belong to a state
    expected = (inside[:, :, None] * policy).flatten(1)
    curvature = torch.stack([row[:, None] * row for row in expected]) - torch.diag_embed(expected)  # ∇² log π(· | s)
    to_go = torch.zeros(number, dtype=torch.float64)
    advantages = []
    for time in range(horizon - 1, -1, -1):
        state, action = steps[time]
        to_go = to_go + rewards[state, action]
        advantages.append((to_go - tables[time, state] if baseline else to_go) / horizon)
    before, gradient = torch.zeros(2, number, SIZE, dtype=torch.float64)
    h1, h2, h12 = torch.zeros(3, number, SIZE, SIZE, dtype=torch.float64)
    for (state, action), advantage in zip(steps, reversed(advantages), strict=True):
        score = pairs[state * ACTIONS + action] - expected[state]
        weighted = score * advantage[:, None]
        gradient += weighted
        h1 += weighted[:, :, None] * score[:, None, :]
        h2 += advantage[:, None, None] * curvature[state]
        h12 += weighted[:, :, None] * before[:, None, :]
        before = before + score
    return Episodes(before, gradient, h1, h2, h12 + h12.mT)


def meta_gradients(episodes: Episodes, support: int, alpha: float, horizon: int) -> tuple[dict[str, Tensor], Tensor]:
    """Each estimator's meta-gradients `[group, S · A]` from groups of `support` episodes, and the true one `[S · A]`.

    A group is one inner step θ' = θ + α ĝ. What a query would estimate, ∇J(θ') and J(θ'), is put in exactly, so that
    all noise comes from the support. The true mean is the gradient of E J(θ + α ĝ) over groups. It is estimated from
    all episodes by naive + sampling term, each episode credited with J(θ') less what J would be without that episode.
    """
    logits = small_mdp()[2]
    groups = len(episodes.score) // support

    def mean(value: Tensor) -> Tensor:
        return value[: groups * support].unflatten(0, (groups, support)).mean(1)

    step = mean(episodes.gradient)
    query, outcome = slope(logits + alpha * step.unflatten(-1, logits.shape), horizon)

    def through(hessian: Tensor) -> Tensor:
        return query + alpha * (hessian @ query[..., None])[..., 0]

    h1, h2, h12 = (mean(value) for value in (episodes.h1, episodes.h2, episodes.h12))
    naive = through(h2)
    score = episodes.score[: groups * support].unflatten(0, (groups, support))
    relative = (outcome - outcome.mean()) * groups / max(groups - 1, 1)  # less the mean of the *other* groups
    found = {
        "first order": query,
        "naive": naive,
        "LVC": through(h1 + h2),
        "DiCE": through(h1 + h2 + h12),
        "naive + sampling term": naive + score.sum(1) * relative[:, None],
    }
    own = episodes.gradient[: groups * support].unflatten(0, (groups, support)) / support
    without = expected_return(logits + alpha * (step[:, None] - own).unflatten(-1, logits.shape), horizon)
    difference = (outcome[:, None] - without)[..., None]
    return found, (naive + (score * difference).sum(1)).mean(0)


def bias_and_noise(support: int, alpha: float, horizon: int, baseline: bool, number: int) -> dict[str, tuple]:
    """Bias and standard deviation of each estimator, both relative to the length of the true meta-gradient."""
    found, truth = meta_gradients(draw_episodes(horizon, baseline, number), support, alpha, horizon)
    result = {}
    for name, estimates in found.items():
        variance = estimates.var(0).sum()
        # The squared length of a mean's error is too large by the variance of that mean.
        squared = (estimates.mean(0) - truth).square().sum() - variance / len(estimates)
        result[name] = (float(squared.clamp_min(0).sqrt() / truth.norm()), float(variance.sqrt() / truth.norm()))
    return result


def meta_gradient_explorer(number: int = 8192) -> Explorer:
    """Bias and standard deviation of five estimators of the meta-policy gradient, sampled anew at each change.

    Args:
        number: episodes that are drawn in all; groups of N support episodes are made of them.
    """
    sizes = [2**power for power in range(9)]

    def draw(support: int, horizon: int, alpha: float, baseline: bool) -> Figure:
        margins = {"left": 0.2, "right": 0.985, "bottom": 0.16, "top": 0.88, "wspace": 0.22}
        figure, (left, right) = plotting.figure(1, 2, width=11, height=3.9, margins=margins)
        curves = {size: bias_and_noise(size, round(alpha, 2), horizon, baseline, number) for size in sizes}
        chosen = curves[2**support]
        for row, (name, (color, _)) in enumerate(LOOK.items()):
            bias, noise = chosen[name]
            left.barh(row, bias, height=0.36, align="edge", color=color)
            left.barh(row, noise, height=-0.36, align="edge", color=color, alpha=0.4)
        left.set_yticks(range(len(LOOK)), LOOK)
        left.invert_yaxis()
        left.grid(axis="y", visible=False)
        left.set(xlabel="of the meta-gradient's length", title=f"N = {2**support}: bias (pale: standard deviation)")
        for name, (color, marker) in LOOK.items():
            total = [np.hypot(*curves[size][name]) for size in sizes]
            right.plot(sizes, total, marker=marker, markersize=5, color=color, linewidth=1.5)
        right.axvline(2**support, color="black", linestyle=":", linewidth=1)
        right.set(xscale="log", yscale="log", xlabel="support episodes N", title="Root mean squared error, relative")
        right.set_xticks(sizes, [str(size) for size in sizes])
        right.set_yticks([0.01, 0.03, 0.1, 0.3, 1, 3, 10], ["0.01", "0.03", "0.1", "0.3", "1", "3", "10"])
        right.set_ylim(0.01, 10)
        right.minorticks_off()
        return figure

    return Explorer(
        draw,
        "Left: bars of bias and standard deviation of five estimators of the meta-policy gradient on a small MDP. "
        "Right: their root mean squared error against the number of support episodes, both axes logarithmic.",
        support=slider(4, 0, 8, 1, "log₂ of support episodes N", integer=True),
        horizon=slider(4, 1, 12, 1, "horizon H", integer=True),
        alpha=slider(1.0, 0.25, 4.0, 0.25, "inner step size α"),
        baseline=ipywidgets.Checkbox(value=True, description="exact value function as baseline", indent=False),
    )
