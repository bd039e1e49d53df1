"""A small MDP whose trajectories can be listed, and with them the bias and variance of GAE."""

import functools
import itertools

import numpy as np
import torch
from torch import Tensor

from metarl_core.agents.gae import gae
from metarl_core.arguments import check_between, check_count

STATES, ACTIONS, HORIZON = 3, 2, 4


@functools.cache
def small_mdp(seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Transitions `[S, A, S]`, rewards `[S, A]` and the logits `[S, A]` of a policy: chapter 04's example, float64.

    The tensors are shared by all who ask for this seed: copy before changing one.

    Raises:
        ValueError: for a negative seed.
    """
    check_count("seed", seed, 0)
    generator = torch.Generator("cpu").manual_seed(seed)
    double, device = torch.float64, generator.device
    weights = torch.empty(STATES, ACTIONS, STATES, dtype=double, device=device).exponential_(generator=generator) ** 2
    rewards = torch.randn(STATES, ACTIONS, generator=generator, dtype=double, device=device) + 1
    logits = 0.5 * torch.randn(STATES, ACTIONS, generator=generator, dtype=double, device=device)
    return weights / weights.sum(-1, keepdim=True), rewards, logits


@functools.cache
def all_trajectories() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Every trajectory of four steps from a uniform first state.

    Returns:
        states, actions `[trajectory, time]`, probabilities `[trajectory]`, rewards `[trajectory, time]` and scores
        ∇ log π(a_t | s_t) `[trajectory, time, S · A]`.
    """
    transitions, rewards, logits = small_mdp()
    states = torch.tensor(list(itertools.product(range(STATES), repeat=HORIZON)), device=logits.device)
    actions = torch.tensor(list(itertools.product(range(ACTIONS), repeat=HORIZON)), device=logits.device)
    states, actions = states.repeat_interleave(len(actions), 0), actions.repeat(len(states), 1)
    policy = logits.softmax(-1)
    moves = transitions[states[:, :-1], actions[:, :-1], states[:, 1:]]
    probabilities = policy[states, actions].prod(1) * moves.prod(1) / STATES
    taken = torch.eye(STATES * ACTIONS, dtype=logits.dtype, device=logits.device)[states * ACTIONS + actions]
    expected = torch.eye(STATES, dtype=logits.dtype, device=logits.device)[states][..., None] * policy
    return states, actions, probabilities, rewards[states, actions], taken - expected.flatten(2)


@functools.lru_cache(maxsize=64)
def gae_bias_and_variance(discount: float, gae_lambdas: tuple[float, ...], error: float = 0.0) -> np.ndarray:
    """Bias (a norm) and variance (a trace) of one episode's GAE gradient at each λ, `[λ, 2]`, exactly.

    The target is the gradient of the *undiscounted* return, as in the paper of Schulman et al. (2016), where γ is a
    means against variance like λ. The value function is the exact one for γ plus `error` times a fixed pattern.

    Raises:
        ValueError: for a discount or a λ outside [0, 1].
    """
    check_between("discount", discount)
    for gae_lambda in gae_lambdas:
        check_between("gae_lambda", gae_lambda)
    transitions, rewards, logits = small_mdp()
    states, actions, probabilities, earned, scores = all_trajectories()
    policy = logits.softmax(-1)

    def values_for(gamma: float) -> tuple[Tensor, Tensor]:
        value, rows, advantages = torch.zeros_like(rewards[:, 0]), [], []
        for _ in range(HORIZON):
            action_value = rewards + gamma * transitions @ value
            value = (policy * action_value).sum(-1)
            rows.append(value)
            advantages.append(action_value - value[:, None])
        return torch.stack(rows[::-1]), torch.stack(advantages[::-1])

    clock = torch.arange(HORIZON, device=rewards.device)
    _, right = values_for(1.0)
    exact = torch.einsum("n,ntk,nt->k", probabilities, scores, right[clock, states, actions])
    wrong = error * rewards.new_tensor([1.0, -1.0, 0.5])
    values = values_for(discount)[0][clock, states] + wrong[states]
    ended = torch.zeros_like(states, dtype=torch.bool)
    ended[:, -1] = True
    rows = []
    for gae_lambda in gae_lambdas:
        advantage = gae(earned, values, torch.zeros_like(earned[:, 0]), ended, ended & False, discount, gae_lambda)
        estimate = (scores * advantage[..., None]).sum(1)
        mean = probabilities @ estimate
        variance = probabilities @ (estimate - mean).square().sum(1)
        rows.append([float(torch.linalg.vector_norm(mean - exact)), float(variance)])
    return np.array(rows)
