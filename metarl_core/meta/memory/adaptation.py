"""What a memory earns on new tasks, episode after episode."""

from typing import NamedTuple

import torch
from torch import Tensor

from metarl_core.arguments import check_type
from metarl_core.meta.memory.pearl import PEARL
from metarl_core.meta.memory.rl2 import RL2
from metarl_core.meta.memory.trials import Trials
from metarl_core.parameters import Parameters, detach_parameters
from metarl_core.tasks.family import Tasks


class AdaptationCurve(NamedTuple):
    """What a memory earns in each episode of a trial."""

    returns: Tensor
    """mean undiscounted return over a task's trials, `[task, episode]`"""
    trials: Trials


def adaptation_curve(
    method: RL2 | PEARL,
    meta: Parameters,
    tasks: Tasks,
    generator: torch.Generator,
    *,
    episodes: int | None = None,
    trials: int | None = None,
) -> AdaptationCurve:
    """Play trials on each task and measure the return of each episode. Nothing is trained: the memory adapts.

    Family, agent, trials and episodes are those of the method; what is given here stands in their place. Where the
    method knows the means of the rewards, returns are counted with them.

    Args:
        meta: meta-parameters.
        tasks: `[task, ...]`.
        episodes: per trial; it may be more than in training.
        trials: per task.

    Raises:
        ValueError: for meta-parameters or tasks that do not fit the method, or fewer than 1 trial or episode.
    """
    if not isinstance(method, PEARL):
        check_type("method", method, RL2)
    method.check_meta(meta)
    played = method.play(detach_parameters(meta), tasks, generator, trials, episodes)
    returns = played.returns(method.episodes if episodes is None else episodes, expected=True)
    return AdaptationCurve(returns.mean(1), played)
