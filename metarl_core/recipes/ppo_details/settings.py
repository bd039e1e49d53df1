"""What the table depends on: which details are on, and what every row gets."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents import CARTPOLE_PPO, PENDULUM_PPO, PPOConfig, Setting


@dataclass(frozen=True, kw_only=True)
class Details:
    """PPO's implementation details; the defaults are what chapter 04 uses.

    The sources are OpenAI Baselines' `ppo2` with `VecNormalize`, CleanRL, and Huang et al. (2022); the early stop is
    that of Spinning Up, which OpenAI Baselines does not have.
    """

    standardise_advantages: bool = True
    """in each minibatch"""
    max_grad_norm: float = 0.5
    anneal: bool = True
    adam_eps: float = 1e-5
    last_layer: float = 1.0
    """factor on the initial weights of the policy's last layer"""
    orthogonal: bool = False
    """orthogonal weights, gain √2 in hidden layers, 0.01 in the policy's last and 1 in the value's last"""
    normalise_observations: bool = False
    """minus a running mean, divided by a running standard deviation"""
    scale_rewards: bool = False
    """divided by a running standard deviation of discounted returns, then clipped to ±10"""
    clip_value: bool = False
    """the value moves at most `PPOConfig.clip` from what it was when the batch was collected"""
    max_kl: float = math.inf
    """no further epoch on a batch once the mean approximate KL of an epoch is above"""
    discount: float | None = None
    """the setting's own unless given"""
    gae_lambda: float = 0.95
    merge_ends: bool = False
    """treat truncation as termination"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that the table depends on."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    tuning_seeds: tuple[int, ...] = (1000, 1001)
    lrs: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    test_tasks: int = 20
    """evaluation episodes"""
    test_seed: int = 1000
    checkpoints: int = 10
    cartpole: Setting = field(default_factory=lambda: _short(CARTPOLE_PPO, 50))
    pendulum: Setting = field(default_factory=lambda: _short(PENDULUM_PPO, 30))


def _short(setting: Setting, iterations: int) -> Setting:
    """Half of the updates of chapter 04, and half of the hidden units, for many rows at little cost."""
    assert isinstance(setting.config, PPOConfig)
    config = dataclasses.replace(setting.config, iterations=iterations)
    return dataclasses.replace(setting, hidden=(32, 32), config=config)


ALL_OF_PPO2 = {"orthogonal": True, "normalise_observations": True, "scale_rewards": True, "clip_value": True}
DETAILS: dict[str, dict[str, Any]] = {
    "PPO": {},
    "advantages not standardised": {"standardise_advantages": False},
    "gradient not clipped": {"max_grad_norm": 1e9},
    "learning rate not annealed": {"anneal": False},
    "Adam's ε = 1e−8": {"adam_eps": 1e-8},
    "last layer of other size": {},
    "orthogonal initialisation": {"orthogonal": True},
    "observations normalised": {"normalise_observations": True},
    "rewards scaled": {"scale_rewards": True},
    "value clipping": {"clip_value": True},
    "rewards scaled, value clipping": {"scale_rewards": True, "clip_value": True},
    "early stop at KL 0.015": {"max_kl": 0.015},
    "all four of ppo2": ALL_OF_PPO2,
}
"""What a row changes. The policy's last layer is small at first on CartPole (gain 0.01) and not on Pendulum (gain 1);
the row "last layer of other size" exchanges the two."""
LAST_LAYER = {"CartPole": 100.0, "Pendulum": 0.01}
GRID: dict[str, dict[str, Any]] = {
    "γ = 0.99": {"discount": 0.99},
    "γ = 0.99, rewards scaled": {"discount": 0.99, "scale_rewards": True},
    "γ = 0.9, λ = 0": {"gae_lambda": 0.0},
    "γ = 0.99, λ = 0": {"discount": 0.99, "gae_lambda": 0.0},
    "γ = 0.9, ends merged": {"merge_ends": True},
    "γ = 0.99, ends merged": {"discount": 0.99, "merge_ends": True},
}
"""Where a row does not name them, γ = 0.9, λ = 0.95, and truncation is kept apart from termination."""
OF_INPUTS_AND_CRITIC = ("PPO", *list(DETAILS)[7:11], "all four of ppo2")
"""PPO, and of the details those that act on inputs, rewards or the critic"""
GROUPS = (
    tuple(f"CartPole: {name}" for name in list(DETAILS)[:7]),
    tuple(f"CartPole: {name}" for name in list(DETAILS)[7:]),
    tuple(f"Pendulum: {name}" for name in OF_INPUTS_AND_CRITIC),
    tuple(f"Pendulum: {name}" for name in GRID),
    tuple(f"Pendulum: {name}" for name in DETAILS if name not in OF_INPUTS_AND_CRITIC),
)
"""rows that are made side by side in one batch"""
METHODS = tuple(method for group in GROUPS for method in group)


def variant(method: str) -> tuple[str, Details]:
    """Environment and details of a row.

    Raises:
        KeyError: for a row that the table does not have.
    """
    environment, name = method.split(": ", 1)
    changes = (DETAILS | GRID)[name]
    if name == "last layer of other size":
        changes = {"last_layer": LAST_LAYER[environment]}
    return environment, Details(**changes)


def of_each(details: Sequence[Details], name: str) -> Tensor:
    """One detail of every learner, `[learner]`: flags as bool, numbers as float."""
    return torch.tensor([getattr(one, name) for one in details])
