"""Chapter 04: policy-gradient methods on CartPole-v1 and Pendulum-v1, and PPO with one ingredient changed on Pendulum.

What a row holds and how it is made says `metarl_core.recipes.policy_gradients`.
"""

from metarl_core.recipes.policy_gradients import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="policy_gradients",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=tuple((method, seed) for method in ("CartPole: PPO", "CartPole: REINFORCE") for seed in Settings().seeds),
    # Machines agree until rounding is amplified: in the first third of training.
    tolerance=(*[20.0] * 4, *[500.0] * 8),
    digits=2,
    by_method=True,
)
