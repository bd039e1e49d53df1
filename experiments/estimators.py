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
    sample=tuple((method, 0) for method in METHODS),
    tolerance=3.0,
)
