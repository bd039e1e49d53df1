"""Chapter 04: PPO on CartPole-v1 with one ingredient changed, twenty seeds each.

What a row holds and how it is made says `metarl_core.recipes.cartpole_ablations`.
"""

from metarl_core.recipes.cartpole_ablations import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="cartpole_ablations",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=tuple(("one epoch", seed) for seed in Settings().seeds),
    # Machines agree until rounding is amplified: in the first third of training.
    tolerance=(*[20.0] * 4, *[500.0] * 8),
    digits=2,
    by_method=True,
)
