"""Chapter 01: MAML and pre-training on point navigation, with equal updates and equal tuning, ten seeds.

What a row holds and how it is made says `metarl_core.recipes.equal_updates`.
"""

import functools

from metarl_core.recipes.equal_updates import METHODS, Settings, run
from metarl_core.results import Experiment

# Machines round differently: another rate of Adam or step size may then be the best, and training takes other steps.
RETURNS, STEPS, CHOSEN = [5.0] * 4, [500.0] * 4, [float("inf")] * 4
BY_INNER_LR = [10.0] * len(Settings().inner_lrs)

EXPERIMENT = Experiment(
    name="equal_updates",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=(("MAML, 480 updates", 0), ("pre-trained, 480 updates", 0)),
    by_method=True,
    tolerance=(*RETURNS, *STEPS, *BY_INNER_LR, *CHOSEN),
)
