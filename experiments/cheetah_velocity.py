"""Chapter 13: five learners on the cheetah's hidden velocity, at equal environment steps; needs the extra `benchmarks`.

What a row holds and how it is made says `metarl_core.recipes.cheetah_velocity`.
"""

import functools

from metarl_core.recipes.cheetah_velocity import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="cheetah_velocity",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=(("standing still", 0),),
    tolerance=10.0,
)
