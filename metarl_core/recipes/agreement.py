"""How often the best action of one task is the best one in another: what an initialisation alone can do."""

import torch
from torch import Tensor

from metarl_core.tasks import CartPole, GridGoals, RotatedKeys, TaskFamily, Tasks
from metarl_core.tasks.controllers import cartpole_gains

STATES = 500


def best_actions(family: TaskFamily, tasks: Tasks, generator: torch.Generator) -> Tensor:
    """The best action, or a strong reference's, of every task in the same random states, `[task, state]`.

    Raises:
        ValueError: for a family whose best actions are not known here.
    """
    if not isinstance(family, RotatedKeys | CartPole | GridGoals):
        raise ValueError(f"family must be RotatedKeys, CartPole or GridGoals, got {type(family).__name__}.")
    number = family.check_tasks(tasks)
    wide = {name: value[:, None].expand(-1, STATES) for name, value in tasks.items()}
    if isinstance(family, RotatedKeys):
        states = 2 * torch.rand(STATES, 4, generator=generator) - 1
        return family.steering_action(states.expand(number, -1, -1), wide)
    if isinstance(family, CartPole):
        gains = cartpole_gains({**tasks, "force": tasks["force"].abs()}) * tasks["force"].sign()[:, None]
        states = torch.tensor([1.0, 1.0, 0.15, 1.0]) * (2 * torch.rand(STATES, 4, generator=generator) - 1)
        return (gains @ states.T > 0).long()
    inside = torch.arange(family.distance.shape[-1])[family.distance[family.start].isfinite()]
    cells = inside[torch.randint(len(inside), (STATES,), generator=generator)]
    return family.optimal_action(cells.expand(number, -1), wide)


def agreement(family: TaskFamily, number: int, generator: torch.Generator) -> float:
    """The share of states in which two of `number` random tasks have the same best action, a task and itself included.

    Args:
        family: `RotatedKeys`, `CartPole` or `GridGoals`.
        number: of tasks.
        generator: of tasks and states.
    """
    actions = best_actions(family, family.sample_tasks(number, generator), generator)
    frequency = torch.nn.functional.one_hot(actions).double().mean(0)  # [state, action]
    return float(frequency.square().sum(-1).mean())
