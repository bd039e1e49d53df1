"""Chapter 10: Q-networks on held-out tasks, every method on five families, five seeds each.

Every row is `[task, column]`: 20 test tasks, then 20 out of distribution, and

- the mean return of the greedy policy at each of `checkpoints` (environment steps in the new task),
- the first checkpoint at which the level is reached, and the training episodes finished by then. The level lies
  `share` of the way from a uniformly random policy to a reference that knows the task; where it is not reached, the
  numbers are those of the last checkpoint,
- environment steps and seconds of processor time that meta-training took, per seed.

The learning rate of DQN on a new task, and whether it begins with a burst of updates, are chosen for each method on
training tasks. The families:

- keys: walk to a visible goal with keys whose directions are rotated by a hidden angle; out of distribution the
  keyboard is mirrored.
- sign: CartPole with varying physics, whose push has a hidden sign.
- physics: CartPole with varying physics alone.
- dense, sparse: a hidden goal in a grid with walls; the reward tells the distance, or nothing before the goal.

"informed" is one network that is told the task, trained on many: it learns nothing in a new one.
"""

from metarl_core.recipes.meta_dqn.rows import held_out, new_tasks, run
from metarl_core.recipes.meta_dqn.settings import FAMILIES, LIVE, METHODS, Settings, family_of
from metarl_core.recipes.meta_dqn.training import baseline, meta_training, trained, untrained

__all__ = [
    "FAMILIES",
    "LIVE",
    "METHODS",
    "Settings",
    "baseline",
    "family_of",
    "held_out",
    "meta_training",
    "new_tasks",
    "run",
    "trained",
    "untrained",
]
