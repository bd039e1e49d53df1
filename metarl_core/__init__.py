"""The package behind the course *Meta-RL from Scratch*.

Importing it registers the task families with Gymnasium (`gymnasium.make("metarl/PointNavigation-v0")`) and
nothing more, so that `python -m tools.doctor` can speak where torch is missing. Import the
module that a chapter names: `metarl_core.tasks`, `metarl_core.agents`, `metarl_core.meta`.
"""

import contextlib

__version__ = "0.1.0"

with contextlib.suppress(ImportError):  # a missing package is the doctor's to report
    from metarl_core.registration import register

    register()
