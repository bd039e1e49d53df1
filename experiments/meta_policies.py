"""Chapter 08: meta-learned policies on held-out tasks, every method, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.meta_policies`.
"""

from metarl_core.recipes.meta_policies import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="meta_policies",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(
        ("navigation: MAML", 0),
        ("released: MAML", 0),
        ("navigation: from scratch", 0),
        ("CartPole: random initialisation", 0),
    ),
    tolerance=5.0,
)
