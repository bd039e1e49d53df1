"""Planning: which sequence of actions does best in a model of the world, tried anew at every step.

from metarl_core.planning import CEM, TrueDynamics, play

played = play(family, tasks, TrueDynamics(family), CEM(), 1, generator)
returns = played.trajectories.returns
"""

from metarl_core.planning.control import Dynamics, PlanningModel, Played, TrueDynamics, play
from metarl_core.planning.imagine import Reward, Score, Step, imagined_returns
from metarl_core.planning.search import CEM, MPPI, Planner, RandomShooting, shifted

__all__ = [
    "CEM",
    "Dynamics",
    "MPPI",
    "Planner",
    "PlanningModel",
    "Played",
    "RandomShooting",
    "Reward",
    "Score",
    "Step",
    "TrueDynamics",
    "imagined_returns",
    "play",
    "shifted",
]
