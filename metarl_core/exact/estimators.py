"""Bias and noise of the estimators of the meta-policy gradient, on chapter 04's small MDP."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_positive
from metarl_core.exact.enumeration import ACTIONS, STATES, small_mdp

SIZE = STATES * ACTIONS
"""length of a gradient"""


def _values(logits: Tensor, horizon: int) -> Tensor:
    """Expected reward-to-go `[..., time, S]` of the policies softmax(`logits`) `[..., S, A]`, by backward induction."""
    transitions, rewards, _ = small_mdp()
    policy, value, rows = logits.softmax(-1), torch.zeros_like(logits[..., 0]), []
    for _ in range(horizon):
        value = (policy * (rewards + torch.einsum("sat,...t->...sa", transitions, value))).sum(-1)
        rows.append(value)
    return torch.stack(rows[::-1], -2)


def expected_return(logits: Tensor, horizon: int) -> Tensor:
    """J `[...]`: mean reward *per step*, from a uniform first state, exactly.

    Args:
        logits: `[..., S, A]` of the small MDP's policies.

    Raises:
        ValueError: for logits of another shape, and less than one step.
    """
    check_count("horizon", horizon)
    if logits.shape[-2:] != (STATES, ACTIONS):
        raise ValueError(f"logits must have shape [..., {STATES}, {ACTIONS}], got {list(logits.shape)}.")
    return _values(logits, horizon)[..., 0, :].mean(-1) / horizon


def policy_gradient(logits: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
    """∇J `[..., S · A]` and J `[...]`, exactly; arguments and errors as of `expected_return`."""
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

    Raises:
        ValueError: for less than one step or episode, and a negative seed.
    """
    check_count("horizon", horizon)
    check_count("number", number)
    check_count("seed", seed, 0)
    transitions, rewards, logits = small_mdp()
    generator = torch.Generator("cpu").manual_seed(seed)
    policy, tables = logits.softmax(-1), _values(logits, horizon)
    steps, state = [], torch.randint(STATES, (number,), generator=generator, device=generator.device)
    for _ in range(horizon):
        action = torch.multinomial(policy[state], 1, generator=generator)[:, 0]
        steps.append((state, action))
        state = torch.multinomial(transitions[state, action], 1, generator=generator)[:, 0]
    pairs = torch.eye(SIZE, dtype=logits.dtype, device=logits.device)
    inside = torch.eye(STATES, dtype=logits.dtype, device=logits.device)  # the entries of θ that belong to a state
    expected = (inside[:, :, None] * policy).flatten(1)
    curvature = torch.stack([row[:, None] * row for row in expected]) - torch.diag_embed(expected)  # ∇² log π(· | s)
    to_go = logits.new_zeros(number)
    advantages = []
    for time in range(horizon - 1, -1, -1):
        state, action = steps[time]
        to_go = to_go + rewards[state, action]
        advantages.append((to_go - tables[time, state] if baseline else to_go) / horizon)
    before, gradient = logits.new_zeros(2, number, SIZE)
    h1, h2, h12 = logits.new_zeros(3, number, SIZE, SIZE)
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

    Raises:
        ValueError: for groups of no episode, or of more than there are, and a step size that is not above zero.
    """
    check_positive("alpha", alpha)
    if not 1 <= support <= len(episodes.score):
        raise ValueError(f"support must be in [1, {len(episodes.score)}], the number of episodes, got {support!r}.")
    logits = small_mdp()[2]
    groups = len(episodes.score) // support

    def mean(value: Tensor) -> Tensor:
        return value[: groups * support].unflatten(0, (groups, support)).mean(1)

    step = mean(episodes.gradient)
    query, outcome = policy_gradient(logits + alpha * step.unflatten(-1, logits.shape), horizon)

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


def bias_and_noise(
    support: int, alpha: float, horizon: int, baseline: bool, number: int
) -> dict[str, tuple[float, float]]:
    """Bias and standard deviation of each estimator, both relative to the length of the true meta-gradient.

    Args:
        support: episodes of an inner step.
        alpha: its step size.
        number: episodes that are drawn in all.

    Raises:
        ValueError: for what `draw_episodes` and `meta_gradients` refuse, and less than two groups.
    """
    if number < 2 * support:
        raise ValueError(f"number must be at least twice the support {support}, got {number}.")
    found, truth = meta_gradients(draw_episodes(horizon, baseline, number), support, alpha, horizon)
    result = {}
    for name, estimates in found.items():
        variance = estimates.var(0).sum()
        # The squared length of a mean's error is too large by the variance of that mean.
        squared = (estimates.mean(0) - truth).square().sum() - variance / len(estimates)
        result[name] = (float(squared.clamp_min(0).sqrt() / truth.norm()), float(variance.sqrt() / truth.norm()))
    return result
