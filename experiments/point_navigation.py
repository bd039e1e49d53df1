"""Chapters 00 and 01: five initialisations for point navigation, adapted to forty held-out goals, five seeds.

What a row holds and how it is made says `metarl_core.recipes.point_navigation`.
"""

import functools

from metarl_core.recipes.point_navigation import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="point_navigation",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=tuple((method, 0) for method in METHODS),
    tolerance=5.0,
)
