"""Chapter 04b: the implementation details of PPO, each switched on or off, and γ, λ and ends on Pendulum.

What a row holds and how it is made says `metarl_core.recipes.ppo_details`.
"""

from metarl_core.recipes.ppo_details import GROUPS, METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="ppo_details",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=tuple((method, seed) for method in GROUPS[1] for seed in Settings().seeds),
    # Machines agree until rounding is amplified, and another learning rate may then be the best.
    tolerance=(*[500.0] * 10, 1.0),
    by_method=True,
)
