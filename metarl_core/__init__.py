"""The package behind the course *Meta-RL from Scratch*.

This file imports nothing, so that ``python -m metarl_core.doctor`` can speak where torch is missing.
Import the module that a chapter names: ``metarl_core.tasks``, ``metarl_core.agents``, ``metarl_core.meta``.
"""

__version__ = "0.1.0"
