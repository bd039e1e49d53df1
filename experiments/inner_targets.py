"""Chapter 10: Meta-SGD over DQN whose inner loop learns from rewards and values, or from rewards alone, five seeds.

What a row holds and how it is made says `metarl_core.recipes.inner_targets`.
"""

import functools

from metarl_core.recipes.inner_targets import METHODS, Settings, columns, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="inner_targets",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=(("rewards and values", 0), ("rewards alone inside", 0)),
    # Machines round differently, and thousands of outer steps amplify it: returns in points, on a scale from −45 to −3.
    tolerance=(*[8.0] * (len(columns()) - 1), 3e3),
    digits=2,
)
