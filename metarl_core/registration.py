"""Gymnasium ids of the task families: `gymnasium.make("metarl/PointNavigation-v0", task=...)`."""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from metarl_core.tasks.family import GivenTasks, TaskFamily
    from metarl_core.tasks.gymnasium_env import TaskEnv, TaskVectorEnv

FAMILIES = {
    "metarl/BernoulliBandits-v0": "metarl_core.tasks.bandits:BernoulliBandits",
    "metarl/TabularMDPs-v0": "metarl_core.tasks.tabular:TabularMDPs",
    "metarl/GridGoals-v0": "metarl_core.tasks.gridworld:GridGoals",
    "metarl/GridNavi-v0": "metarl_core.tasks.grid_navi:GridNavi",
    "metarl/PointNavigation-v0": "metarl_core.tasks.navigation:PointNavigation",
    "metarl/TurnedControls-v0": "metarl_core.tasks.turned_controls:TurnedControls",
    "metarl/RotatedKeys-v0": "metarl_core.tasks.rotated_keys:RotatedKeys",
    "metarl/CartPole-v0": "metarl_core.tasks.cartpole:CartPole",
    "metarl/ContinuousCartPole-v0": "metarl_core.tasks.continuous_cartpole:ContinuousCartPole",
    "metarl/ChangingCartPole-v0": "metarl_core.tasks.changing_families:changing_cartpole",
    "metarl/Pendulum-v0": "metarl_core.tasks.pendulum:Pendulum",
    "metarl/DampedPendulum-v0": "metarl_core.tasks.damped_pendulum:DampedPendulum",
    "metarl/ChangingPendulum-v0": "metarl_core.tasks.changing_families:changing_pendulum",
    "metarl/TwoLinkArm-v0": "metarl_core.tasks.two_link_arm:TwoLinkArm",
    "metarl/ChangingArm-v0": "metarl_core.tasks.changing_families:changing_arm",
}
"""What makes the family of an id."""


def register() -> None:
    """Register every family once; a family is imported when an environment of it is made."""
    for id, family in FAMILIES.items():
        if id not in gymnasium.registry:
            gymnasium.register(
                id=id,
                entry_point="metarl_core.registration:make_env",
                vector_entry_point="metarl_core.registration:make_vector_env",
                kwargs={"family": family},
            )


def make_env(
    family: str, task: "GivenTasks | None" = None, render_mode: str | None = None, **family_arguments: Any
) -> "TaskEnv":
    """One task of a family as a `gymnasium.Env`; further keywords go to the family (`horizon=50`)."""
    from metarl_core.tasks.gymnasium_env import TaskEnv

    return TaskEnv(_family_maker(family)(**family_arguments), task)


def make_vector_env(
    family: str,
    num_envs: int,
    task: "GivenTasks | None" = None,
    max_episode_steps: int | None = None,
    render_mode: str | None = None,
    **family_arguments: Any,
) -> "TaskVectorEnv":
    """Tasks × episodes of a family as a `gymnasium.vector.VectorEnv`; `task` may hold several tasks."""
    from metarl_core.tasks.gymnasium_env import TaskVectorEnv

    return TaskVectorEnv(_family_maker(family)(**family_arguments), num_envs, task, max_episode_steps)


def _family_maker(path: str) -> "Callable[..., TaskFamily]":
    module, name = path.split(":")
    make: Callable[..., TaskFamily] = getattr(importlib.import_module(module), name)
    return make
