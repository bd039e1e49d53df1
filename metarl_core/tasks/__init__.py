"""What is learned: distributions over tasks, as functional, batched environments."""

from metarl_core.tasks.bandits import BernoulliBandits
from metarl_core.tasks.cartpole import CartPole
from metarl_core.tasks.changing import ChangingTasks
from metarl_core.tasks.checks import SPLITS
from metarl_core.tasks.continuous_cartpole import ContinuousCartPole
from metarl_core.tasks.damped_pendulum import DampedPendulum
from metarl_core.tasks.family import TaskFamily, Tasks, expand_tasks, select_tasks
from metarl_core.tasks.few_shot import FewShot, ImageClasses
from metarl_core.tasks.from_gymnasium import GymnasiumTasks
from metarl_core.tasks.glyphs import load_glyphs
from metarl_core.tasks.grid_navi import GridNavi
from metarl_core.tasks.gridworld import GridGoals
from metarl_core.tasks.gymnasium_env import TaskEnv, TaskVectorEnv
from metarl_core.tasks.informed import InformedTasks
from metarl_core.tasks.languages import Languages, load_languages, made_up_languages, ngrams
from metarl_core.tasks.locomotion import Locomotion
from metarl_core.tasks.meta_world import MetaWorld
from metarl_core.tasks.navigation import PointNavigation
from metarl_core.tasks.omniglot import load_omniglot
from metarl_core.tasks.pendulum import Pendulum
from metarl_core.tasks.rollout import Policy, Trajectories, rollout
from metarl_core.tasks.rotated_keys import RotatedKeys
from metarl_core.tasks.sinusoid import Sinusoids
from metarl_core.tasks.tabular import TabularMDPs
from metarl_core.tasks.turned_controls import TurnedControls
from metarl_core.tasks.two_link_arm import TwoLinkArm

__all__ = [
    "SPLITS",
    "BernoulliBandits",
    "CartPole",
    "ChangingTasks",
    "ContinuousCartPole",
    "DampedPendulum",
    "FewShot",
    "GridGoals",
    "GridNavi",
    "GymnasiumTasks",
    "ImageClasses",
    "Languages",
    "Locomotion",
    "MetaWorld",
    "Pendulum",
    "InformedTasks",
    "PointNavigation",
    "Policy",
    "RotatedKeys",
    "Sinusoids",
    "TabularMDPs",
    "TaskEnv",
    "TaskFamily",
    "TaskVectorEnv",
    "Tasks",
    "Trajectories",
    "TurnedControls",
    "TwoLinkArm",
    "expand_tasks",
    "load_glyphs",
    "load_languages",
    "load_omniglot",
    "made_up_languages",
    "ngrams",
    "rollout",
    "select_tasks",
]
