"""Chapter 07: 5-way 1-shot and 5-shot classification of letters of new scripts, every method, five seeds each.

A row is `[task, 3]`, accuracy on the query images of 300 held-out tasks that are the same for all methods and seeds:
on the test scripts with each prediction on its own, on the test scripts with the query images normalised together
(transductive, as in the MAML paper), and on the scripts out of distribution with each prediction on its own.
Pixel neighbours learn nothing, so they have no training seed: theirs is the seed of the rendering.
"""

from metarl_core.recipes.glyphs.rows import evaluate, run
from metarl_core.recipes.glyphs.settings import METHODS, Settings
from metarl_core.recipes.glyphs.training import letters, sample, trained

__all__ = [
    "METHODS",
    "Settings",
    "evaluate",
    "letters",
    "run",
    "sample",
    "trained",
]
