"""Chapter 04b: the implementation details of PPO, each switched on or off, and γ, λ and ends on Pendulum.

Every row is `[evaluation episode, column]`: the return of the greedy policy after each tenth of the training, on 20
episodes of the batched family that equals the Gymnasium environment, and in the last column the learning rate. Every
row has the same budget, half of that of the table `policy_gradients`: 25,600 environment steps of CartPole or 96,000 of
Pendulum for each seed. Its learning rate is the best of `lrs` by the mean of the ten columns over `tuning_seeds`, which
are not reported.

The learners of several rows (`GROUPS`) train side by side, the tuning first.
"""

from metarl_core.recipes.ppo_details.normalisation import NormalisingSampler, folded
from metarl_core.recipes.ppo_details.rows import run, trained
from metarl_core.recipes.ppo_details.rule import DetailedPPO
from metarl_core.recipes.ppo_details.settings import (
    DETAILS,
    GRID,
    GROUPS,
    METHODS,
    Details,
    Settings,
    variant,
)

__all__ = [
    "DETAILS",
    "GRID",
    "GROUPS",
    "METHODS",
    "DetailedPPO",
    "Details",
    "NormalisingSampler",
    "Settings",
    "folded",
    "run",
    "trained",
    "variant",
]
