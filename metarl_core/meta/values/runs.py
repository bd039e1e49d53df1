"""Runs × tasks: several seeds meta-learn side by side, each on tasks of its own."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from metarl_core.agents.q_network import QNetwork
from metarl_core.agents.samplers import VectorSampler
from metarl_core.arguments import check_tensors
from metarl_core.parameters import Parameters
from metarl_core.tasks.family import TaskFamily, Tasks


def repeat_for_tasks(parameters: Mapping[str, Tensor], tasks: int) -> Parameters:
    """Parameters `[run, ...]` once for each task of each run, `[run · task, ...]`; gradients add up over tasks.

    Raises:
        ValueError: for fewer than one task.
    """
    if not isinstance(tasks, int) or tasks < 1:
        raise ValueError(f"tasks must be a number of tasks of at least 1, got {tasks!r}.")
    return {name: value.repeat_interleave(tasks, 0) for name, value in parameters.items()}


def runs_of(meta: Mapping[str, Tensor]) -> int:
    """The number of runs that lead the meta-parameters `[run, ...]`."""
    return len(next(iter(meta.values())))


def tasks_per_run(meta: Mapping[str, Tensor], learners: int) -> int:
    """Learners for each of the runs that lead the meta-parameters `[run, ...]`.

    Raises:
        ValueError: where the runs cannot share the learners equally.
    """
    runs = runs_of(meta)
    if learners < 1 or learners % runs:
        raise ValueError(f"the number of tasks must be a multiple of the number of runs {runs}, got {learners}.")
    return learners // runs


def task_sampler(family: TaskFamily, tasks: Tasks, seed: int) -> VectorSampler:
    """One environment for each task, each with a learner of its own.

    Args:
        family: of pure functions, or of simulators (`GymnasiumTasks`), which the caller closes
            (`sampler.envs.close()`).
        tasks: `[task, ...]`.
        seed: of the environments.
    """
    learners = family.check_tasks(tasks)
    envs = family.vector_env(tasks, learners)
    try:
        return VectorSampler(envs, learners=learners, seed=seed)
    except BaseException:
        envs.close()
        raise


def check_spaces(family: Any, network: Any) -> None:
    """Raise ValueError unless `network` is a Q-network for the observations and actions of the task family."""
    if not isinstance(family, TaskFamily):
        raise ValueError(f"family must be a TaskFamily, got {type(family).__name__}.")
    if not isinstance(network, QNetwork):
        raise ValueError(f"network must be a QNetwork, got {type(network).__name__}.")
    actions = getattr(family.action_space, "n", None)
    if network.actions != actions or network.observation_space != family.observation_space:
        raise ValueError(
            f"network must be made for the family's spaces, {family.observation_space} and {family.action_space}, "
            f"got one for {network.observation_space} and {network.actions} actions."
        )


def check_meta(network: QNetwork, meta: Mapping[str, Tensor], prefixes: tuple[str, ...] = ("",)) -> None:
    """Raise ValueError unless `meta` holds, for each prefix, the network's parameters with a leading axis of runs."""
    expected = {
        prefix + name: value.shape for prefix in prefixes for name, value in network.initial_parameters().items()
    }
    if not isinstance(meta, Mapping) or set(meta) != set(expected):
        got = sorted(meta) if isinstance(meta, Mapping) else type(meta).__name__
        raise ValueError(f"meta must hold {sorted(expected)} (see the method's `initial`), got {got}.")
    check_tensors("meta", meta)
    runs = runs_of(meta)
    for name, shape in expected.items():
        value = meta[name]
        if value.shape != (runs, *shape) or runs < 1:
            wanted = ", ".join(map(str, ("run", *shape)))
            raise ValueError(f"meta[{name!r}] must have shape [{wanted}], got {list(value.shape)}.")
