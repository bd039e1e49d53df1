"""Chapter 04: PPO on CartPole-v1 with one ingredient changed, twenty seeds each.

CartPole episodes are short, so more seeds are affordable than on Pendulum, and failures of one seed in ten show. Every
result is `[evaluation episode, column]`, as in `policy_gradients`.
"""

import functools
from dataclasses import dataclass, field

from torch import Tensor

from metarl_core.recipes import policy_gradients

METHODS = ("PPO", *policy_gradients.ABLATIONS)


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    training: policy_gradients.Settings = field(
        default_factory=lambda: policy_gradients.Settings(seeds=tuple(range(20)))
    )

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.training.seeds

    @property
    def test_tasks(self) -> int:
        return self.training.test_tasks


@functools.lru_cache(maxsize=1)
def run_all_seeds(method: str) -> Tensor:
    settings = Settings().training
    policy, checkpoints = policy_gradients.trained(f"CartPole: {method}", settings)
    return policy_gradients.evaluation_returns(policy, checkpoints, "CartPole", settings)


def run(method: str, seed: int) -> Tensor:
    """Returns `[evaluation episode, column]` of one method and seed."""
    return run_all_seeds(method)[Settings().seeds.index(seed)]
