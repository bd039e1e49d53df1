"""Chapter 12: policies without a model on the cart-poles whose force turns round in mid-run, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.model_free`.
"""

from metarl_core.recipes.model_free import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="model_free",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("PPO, 40,000 steps", 0), ("RL², 40,000 steps", 0)),
    by_method=True,
    tolerance=(0.4,) * 200,  # rewards, of both splits; machines round differently, and training goes other ways
)
