"""Chapter 09: point navigation meta-trained with each estimator of the meta-policy gradient, five seeds.

What a row holds and how it is made says `metarl_core.recipes.estimators`.
"""

import functools

from metarl_core.recipes.estimators import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="estimators",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=(("LVC", 0), ("ProMP", 0)),
    # Machines round differently, and training amplifies it: returns before and after steps, returns of the trainings
    # that tune the outer rate, some of which are unstable, returns in training, the divergence, and environment steps.
    tolerance=(*[5.0] * 4, *[15.0] * 3, *[5.0] * 3, 0.02, 1e5),
)
