"""Chapter 10: Q-networks on held-out tasks, every method on five families, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.meta_dqn`.
"""

import numpy as np

from metarl_core.recipes.meta_dqn import LIVE, METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="meta_dqn",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=((LIVE, 0), *(("keys: fresh", seed) for seed in Settings().seeds)),
    # Machines round differently, and then one task more or less reaches the level; seconds differ from run to run.
    tolerance=(*[10.0] * len(Settings().checkpoints), 1e3, 1e2, 0.0, np.inf),
    digits=2,
    by_method=True,
)
