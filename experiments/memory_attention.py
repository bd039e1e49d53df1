"""Chapter 11: a memory that looks back at all steps, on Bernoulli bandits, five seeds.

What a row holds and how it is made says `metarl_core.recipes.memory_attention`.
"""

from metarl_core.recipes.memory_attention import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="memory_attention",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("10 pulls, 5 arms", 0),),
    tolerance=0.1,
    by_method=True,
)
