"""Chapter 01: the baselines of `point_navigation` once more, with step sizes that suit a budget of one gradient step.

What a row holds and how it is made says `metarl_core.recipes.fair_baselines`.
"""

import functools

from metarl_core.recipes.fair_baselines import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="fair_baselines",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=(("specialist", 0), ("from scratch", 0)),
    tolerance=5.0,
)
