"""Chapters 09, 09a and 09b: chapter 04's small MDP with all of its trajectories, so that expectations are sums.

Rewards are given where they are asked for, `[..., state, action]`; without them they are chapter 04's. Parameters are
the logits of a softmax policy, `[..., state, action]`, in float64.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from metarl_core.exact import small_mdp
from metarl_core.tasks import Trajectories

TRANSITIONS, REWARDS, LOGITS = small_mdp()
STATES, ACTIONS = REWARDS.shape
SIZE = STATES * ACTIONS


class World:
    """Every trajectory of `horizon` steps: states, actions `[trajectory, time]`, nature's part of the probability."""

    def __init__(self, horizon: int) -> None:
        states = torch.tensor(list(itertools.product(range(STATES), repeat=horizon)))
        actions = torch.tensor(list(itertools.product(range(ACTIONS), repeat=horizon)))
        self.states, self.actions = states.repeat_interleave(len(actions), 0), actions.repeat(len(states), 1)
        moves = TRANSITIONS[self.states[:, :-1], self.actions[:, :-1], self.states[:, 1:]]
        self.nature = moves.prod(1) / STATES  # the first state is uniform
        self.horizon = horizon

    def log_pi(self, theta: Tensor) -> Tensor:
        """log π of each action taken, `[..., trajectory, time]`."""
        return theta.log_softmax(-1)[..., self.states, self.actions]

    def chances(self, theta: Tensor) -> Tensor:
        """P(τ) under the policy, `[..., trajectory]`."""
        return self.nature * self.log_pi(theta).sum(-1).exp()

    def to_go(self, rewards: Tensor = REWARDS) -> Tensor:
        """R_t, `[..., trajectory, time]`."""
        return rewards[..., self.states, self.actions].flip(-1).cumsum(-1).flip(-1)

    def expected_return(self, theta: Tensor, rewards: Tensor = REWARDS) -> Tensor:
        """J, `[...]`."""
        return (self.chances(theta) * self.to_go(rewards)[..., 0]).sum(-1)

    def gradient(self, theta: Tensor, rewards: Tensor = REWARDS) -> Tensor:
        """∇J of one policy, `[state, action]`."""
        leaf = theta.detach().clone().requires_grad_()
        return torch.autograd.grad(self.expected_return(leaf, rewards), leaf)[0]

    def values(self, theta: Tensor) -> Tensor:
        """V(s_t, t) of the policy along the trajectories, `[trajectory, time]`, by backward induction."""
        policy, value, rows = theta.softmax(-1), theta.new_zeros(STATES), []
        for _ in range(self.horizon):
            value = (policy * (REWARDS + TRANSITIONS @ value)).sum(-1)
            rows.append(value)
        return torch.stack(rows[::-1])[torch.arange(self.horizon), self.states]

    def episodes(self, theta: Tensor, index: Tensor) -> Trajectories:
        """The trajectories of `index` `[task, episode]`, in the form in which the package's losses take them."""
        states, actions = self.states[index], self.actions[index]
        everywhere, never = torch.ones_like(states, dtype=torch.bool), torch.zeros_like(states, dtype=torch.bool)
        log_pi = self.log_pi(theta).detach()[index]
        return Trajectories(
            states, actions, REWARDS[states, actions], log_pi, everywhere, never, never, states[:, :, -1]
        )


class TablePolicy:
    """What the package's losses ask of a policy; parameters are `{"logits": [task, state, action]}`."""

    def log_probability(self, parameters: dict[str, Tensor], observations: Tensor, actions: Tensor) -> Tensor:
        """log π of given actions."""
        log_pi = parameters["logits"].log_softmax(-1)
        task = torch.arange(len(log_pi)).reshape(-1, *[1] * (observations.ndim - 1))
        return log_pi[task, observations, actions]


def hessian_of(function: Callable[[Tensor], Tensor], theta: Tensor = LOGITS) -> Tensor:
    """The Hessian of a function of `[state, action]` as a matrix, by automatic differentiation."""
    return torch.func.hessian(lambda flat: function(flat.view(STATES, ACTIONS)))(theta.flatten())


def finite_differences(function: Callable[[Tensor], Tensor], theta: Tensor = LOGITS, shift: float = 1e-5) -> Tensor:
    """Central differences of a function of `[state, action]`: a row for each entry of θ, its values flattened."""
    rows = []
    for unit in torch.eye(SIZE, dtype=theta.dtype).view(SIZE, STATES, ACTIONS):
        rows.append((function(theta + shift * unit) - function(theta - shift * unit)) / (2 * shift))
    return torch.stack(rows).flatten(1) if rows[0].ndim else torch.stack(rows)


def relative(found: Tensor, truth: Tensor) -> float:
    """Length of the error, as a share of the truth's length."""
    return float((found.flatten() - truth.flatten()).norm() / truth.norm())
