"""What is learned: distributions over tasks, as functional, batched environments."""

from metarl_core.tasks.bandits import BernoulliBandits
from metarl_core.tasks.cartpole import CartPole
from metarl_core.tasks.family import SPLITS, TaskFamily, Tasks, expand_tasks, select_tasks
from metarl_core.tasks.from_gymnasium import GymnasiumTasks
from metarl_core.tasks.gridworld import GridGoals
from metarl_core.tasks.gymnasium_env import TaskEnv, TaskVectorEnv
from metarl_core.tasks.navigation import PointNavigation
from metarl_core.tasks.pendulum import Pendulum
from metarl_core.tasks.rollout import Policy, Trajectories, rollout
from metarl_core.tasks.sinusoid import Sinusoids
from metarl_core.tasks.tabular import TabularMDPs

__all__ = [
    "SPLITS",
    "BernoulliBandits",
    "CartPole",
    "GridGoals",
    "GymnasiumTasks",
    "Pendulum",
    "PointNavigation",
    "Policy",
    "Sinusoids",
    "TabularMDPs",
    "TaskEnv",
    "TaskFamily",
    "TaskVectorEnv",
    "Tasks",
    "Trajectories",
    "expand_tasks",
    "rollout",
    "select_tasks",
]
