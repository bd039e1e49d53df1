"""Chapter 07: 5-way 1-shot and 5-shot classification of letters of new scripts, every method, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.glyphs`.
"""

from metarl_core.recipes.glyphs import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="glyphs",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("prototypes, 1-shot", 0), ("random initialisation, 1-shot", 0), ("pixel neighbours, 1-shot", 0)),
    tolerance=0.02,
)
