"""Chapter 08: step schedules and natural steps at test, from the same trained policies, five seeds.

What a row holds and how it is made says `metarl_core.recipes.step_rules`.
"""

from metarl_core.recipes.step_rules import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="step_rules",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("MAML", 0), ("natural: MAML", 0)),
    tolerance=5.0,
    digits=6,
)
