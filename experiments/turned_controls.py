"""Chapter 00: four initialisations for turned controls, adapted to forty held-out angles, five seeds.

What a row holds and how it is made says `metarl_core.recipes.turned_controls`.
"""

import functools

from metarl_core.recipes.turned_controls import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="turned_controls",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=tuple((method, 0) for method in METHODS),
    tolerance=5.0,
)
