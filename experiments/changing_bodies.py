"""Chapter 12: planning with models that adapt, on cart-poles whose force turns round in mid-run, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.changing_bodies`.
"""

from metarl_core.recipes.changing_bodies import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="changing_bodies",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("true dynamics", 0), ("least squares", 0)),
    tolerance=((0.3,) * 100 + (3.0,) * 100) * 2,  # rewards, errors; of both splits
)
