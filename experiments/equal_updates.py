"""Chapter 01: MAML and pre-training with equally many updates, everything tuned for one step; ten seeds.

What a row holds and how it is made says `metarl_core.recipes.equal_updates`.
"""

import functools

from metarl_core.recipes.equal_updates import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="equal_updates",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=(("MAML, 120 updates", 0), ("pre-trained, 480 updates", 0), ("pre-trained, 120 updates", 0)),
    tolerance=5.0,
)
