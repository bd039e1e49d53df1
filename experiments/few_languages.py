"""Appendix 16a: few-shot identification of languages by meta-learners and others, at one budget, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.few_languages`.
"""

import functools

from metarl_core.recipes.few_languages import LEARNERS, METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="few_languages",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=(("letter chains, names", 0), ("random initialisation, names", 0), ("known prior, made-up", 0)),
    without_seed=(
        *(f"{name}, {kind}" for kind in ("names", "made-up") for name in LEARNERS[:3]),
        "known prior, made-up",
    ),
    # Machines round differently, and hundreds of updates amplify it. The last four columns are choices of step sizes.
    tolerance=(0.03, 0.03, 0.1, 5.0, 3.0, 16.0),
)
