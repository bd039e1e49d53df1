"""Chapter 06: what each part of an inner loop is worth, on sinusoid regression: ten variants, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.inner_loops`.
"""

from metarl_core.recipes.inner_loops import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="inner_loops",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("MAML", 0), ("Reptile", 0)),
    tolerance=0.15,
)
