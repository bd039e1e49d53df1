"""The package behind the course *Meta-RL from Scratch*.

Importing it registers the task families with Gymnasium (`gymnasium.make("metarl/PointNavigation-v0")`) and
nothing more. Import the module that a chapter names: `metarl_core.tasks`, `metarl_core.agents`, `metarl_core.meta`.
"""

from metarl_core.registration import register

__version__ = "0.2.0"

register()
