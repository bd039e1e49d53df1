"""Chapters 05 and 06: every meta-learner on sinusoid regression at the setting of the MAML paper, five seeds each.

What a row holds and how it is made says `metarl_core.recipes.sinusoid`.
"""

from metarl_core.recipes.sinusoid import METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="sinusoid",
    settings=Settings(),
    methods=METHODS,
    run=run,
    sample=(("MAML", 0), ("random initialisation", 0)),
    tolerance=0.5,
)
