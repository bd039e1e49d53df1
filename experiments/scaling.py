"""Chapter 14: seconds of an iteration on one process and on two, over links of three speeds, five groups of processes.

What a row holds and how it is made says `metarl_core.recipes.scaling`. Its seconds are those of the machine that made
it, and no other machine can confirm them: their tolerance is infinite. What is confirmed is the length of messages.
"""

import functools
import math

from metarl_core.recipes.scaling import ALONE, METHODS, Settings, run
from metarl_core.results import Experiment

EXPERIMENT = Experiment(
    name="scaling",
    settings=Settings(),
    methods=METHODS,
    run=functools.partial(run, settings=Settings()),
    sample=((ALONE, 0),),
    tolerance=(math.inf, math.inf, math.inf, 0.5),
    digits=6,
)
