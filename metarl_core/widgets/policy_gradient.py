"""PPO's clip and GAE's λ: what a clipped objective still follows, and what an estimate of the advantage trades."""

import functools
import itertools

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from metarl_core import plotting
from metarl_core.agents.gae import gae
from metarl_core.agents.ppo import clipped_surrogate_loss
from metarl_core.widgets.explorer import Explorer, slider

STATES, ACTIONS, HORIZON = 3, 2, 4
BATCH = 100
"""episodes in the mean whose error is shown"""


@functools.cache
def small_mdp(seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Transitions `[S, A, S]`, rewards `[S, A]` and the logits `[S, A]` of a policy: chapter 04's example, float64."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.empty(STATES, ACTIONS, STATES, dtype=torch.float64).exponential_(generator=generator) ** 2
    rewards = torch.randn(STATES, ACTIONS, generator=generator, dtype=torch.float64) + 1
    logits = 0.5 * torch.randn(STATES, ACTIONS, generator=generator, dtype=torch.float64)
    return weights / weights.sum(-1, keepdim=True), rewards, logits


@functools.cache
def all_trajectories() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Every trajectory of four steps from a uniform first state.

    Returns:
        states, actions `[trajectory, time]`, probabilities `[trajectory]`, rewards `[trajectory, time]` and scores
        ∇ log π(a_t | s_t) `[trajectory, time, S · A]`.
    """
    transitions, rewards, logits = small_mdp()
    states = torch.tensor(list(itertools.product(range(STATES), repeat=HORIZON)))
    actions = torch.tensor(list(itertools.product(range(ACTIONS), repeat=HORIZON)))
    states, actions = states.repeat_interleave(len(actions), 0), actions.repeat(len(states), 1)
    policy = logits.softmax(-1)
    moves = transitions[states[:, :-1], actions[:, :-1], states[:, 1:]]
    probabilities = policy[states, actions].prod(1) * moves.prod(1) / STATES
    taken = torch.eye(STATES * ACTIONS, dtype=torch.float64)[states * ACTIONS + actions]
    expected = torch.eye(STATES, dtype=torch.float64)[states][..., None] * policy
    return states, actions, probabilities, rewards[states, actions], taken - expected.flatten(2)


@functools.lru_cache(maxsize=64)
def bias_and_variance(discount: float, traces: tuple[float, ...], error: float) -> np.ndarray:
    """Bias (a norm) and variance (a trace) of one episode's GAE gradient at each λ, `[λ, 2]`, exactly.

    The target is the gradient of the *undiscounted* return, as in the paper of Schulman et al. (2016), where γ is a
    means against variance like λ. The value function is the exact one for γ plus `error` times a fixed pattern.
    """
    transitions, rewards, logits = small_mdp()
    states, actions, probabilities, earned, scores = all_trajectories()
    policy = logits.softmax(-1)

    def values_for(gamma: float) -> tuple[Tensor, Tensor]:
        value, rows, advantages = torch.zeros(STATES, dtype=torch.float64), [], []
        for _ in range(HORIZON):
            action_value = rewards + gamma * transitions @ value
            value = (policy * action_value).sum(-1)
            rows.append(value)
            advantages.append(action_value - value[:, None])
        return torch.stack(rows[::-1]), torch.stack(advantages[::-1])

    clock = torch.arange(HORIZON)
    _, right = values_for(1.0)
    exact = torch.einsum("n,ntk,nt->k", probabilities, scores, right[clock, states, actions])
    wrong = error * torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)
    values = values_for(discount)[0][clock, states] + wrong[states]
    ended = torch.zeros_like(states, dtype=torch.bool)
    ended[:, -1] = True
    rows = []
    for trace in traces:
        advantage = gae(earned, values, torch.zeros_like(earned[:, 0]), ended, ended & False, discount, trace)
        estimate = (scores * advantage[..., None]).sum(1)
        mean = probabilities @ estimate
        variance = probabilities @ (estimate - mean).square().sum(1)
        rows.append([float(torch.linalg.vector_norm(mean - exact)), float(variance)])
    return np.array(rows)


def policy_gradient_explorer(samples: int = 60) -> Explorer:
    """PPO's objective and the samples of a batch that it still moves, beside GAE's weights and their price.

    Args:
        samples: size of the batch of probability ratios.
    """
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(0))
    traces = tuple(np.linspace(0, 1, 21).round(2).tolist())

    def draw(clip: float, advantage: float, moved: float, trace: float, discount: float, error: float) -> Figure:
        margins = {"left": 0.06, "right": 0.985, "bottom": 0.15, "top": 0.87, "wspace": 0.3}
        figure, (left, middle, right) = plotting.figure(1, 3, width=11.5, height=3.8, margins=margins)
        _draw_clip(left, clip, advantage, (moved * noise).exp())
        _draw_weights(middle, trace, discount)
        _draw_price(right, trace, discount, error, traces)
        return figure

    return Explorer(
        draw,
        "Left: PPO's clipped objective against the probability ratio, with a batch of ratios: blue dots still get a "
        "gradient, grey ones none. Middle: bars of the weight that GAE gives to each n-step advantage. Right: bias, "
        "standard deviation and error of the gradient estimate from 100 episodes against λ, exactly, on a small MDP.",
        clip=slider(0.2, 0.05, 0.5, 0.05, "PPO: ε"),
        advantage=slider(1.0, -1.5, 1.5, 0.25, "advantage A"),
        moved=slider(0.25, 0.05, 0.6, 0.05, "spread of log ratios"),
        trace=slider(0.8, 0.0, 1.0, 0.05, "GAE: λ"),
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


def _draw_weights(axes, trace: float, discount: float) -> None:
    steps = np.arange(1, 16)
    weights = (1 - trace) * trace ** (steps - 1)
    axes.bar(steps, weights, color=plotting.ORANGE, width=0.7, label="of the n-step advantage")
    axes.plot(
        steps, (discount * trace) ** (steps - 1), "o-", color=plotting.GREEN, markersize=4, label="of δ, n − 1 steps on"
    )
    axes.set(
        ylim=(0, 1.15), xlabel="n", ylabel="weight", title=f"GAE: {trace**15:.0%} of the weight lies beyond n = 15"
    )
    axes.legend(fontsize=9, loc="upper right")


def _draw_price(axes, trace: float, discount: float, error: float, traces: tuple[float, ...]) -> None:
    bias, variance = bias_and_variance(round(discount, 2), traces, error).T
    place = int(np.argmin(np.abs(np.array(traces) - trace)))
    spread = np.sqrt(variance / BATCH)
    total = np.sqrt(bias**2 + spread**2)
    for curve, color, line, label in (
        (bias, plotting.RED, "-", "bias"),
        (spread, plotting.BLUE, "-", "standard deviation"),
        (total, "black", "--", "both: root mean squared error"),
    ):
        axes.plot(traces, curve, line, color=color, linewidth=1.6, label=label)
        axes.plot(traces[place], curve[place], "o", color=color, markersize=5)
    axes.plot(traces[int(total.argmin())], total.min(), "*", color="black", markersize=12)
    axes.set(ylim=(0, 1.6), xlabel="λ", ylabel="of the gradient", title=f"{BATCH} episodes, three states: exact")
    axes.legend(fontsize=9, loc="upper left")
