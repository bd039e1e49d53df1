"""Chapter 07: few-shot letters of new scripts by meta-learners and others, at one budget, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.equal_letters`.
"""

import functools

from metarl_core.recipes.equal_letters import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="equal_letters",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=(("prototypes, 1-shot", 0), ("random initialisation, 1-shot", 0), ("pixel neighbours, 1-shot", 0)),
    # Machines round differently, and hundreds of updates amplify it. The last four columns are choices of step sizes.
    tolerance=(0.03, 0.03, 0.03, 0.01, 0.5, 1.0, 5.0),
)
