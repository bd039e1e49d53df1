"""Chapter 06: Reptile's minibatches on sinusoid regression, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.reptile`.
"""

from metarl_core.recipes.reptile import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="reptile",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("fresh minibatches", 0), ("all points", 0)),
    tolerance=0.15,
)
