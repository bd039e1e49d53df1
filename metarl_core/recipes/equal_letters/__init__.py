"""Chapter 07: 5-way 1-shot and 5-shot classification of letters of new scripts, at one budget, five seeds a method.

Every method that learns before the test sees the same number of images in the same number of updates. Its step sizes
are the best of four choices, or of six where there are two to choose, by what trainings of half the length from
`search_seed` reach on letters of *training* scripts. A method that takes gradient steps at test takes at most four;
their number and their size are chosen for each trained network, on such letters, too.

- prototypes, MAML, ANIL: meta-trained as they are tested, each query image normalised by the support images.
- transductive prototypes: as prototypes, at their step size, but in meta-training the query images are normalised
  together. One shot only.
- pre-training: one classifier of all training letters, used for both numbers of shots; a new head at test, and gradient
  steps on all parameters. Pre-trained prototypes: the same network with class means. Longer pre-training: four times
  as many updates, at the same step size, which is *not* the budget of the others.
- random initialisation: as pre-training at test, without any training. Pixel neighbours learn nothing, so they have no
  training seed: theirs is the seed of the rendering.

A row is `[task, column]`, with columns that `read` takes apart: accuracies on the query images of held-out tasks that
are the same for all methods and seeds, and the step sizes, which stand there for every task.
"""

from metarl_core.recipes.equal_letters.rows import (
    Row,
    evaluate,
    pixel_neighbours,
    read,
    run,
    with_new_head,
)
from metarl_core.recipes.equal_letters.settings import METHODS, Rates, Settings
from metarl_core.recipes.equal_letters.training import (
    InductiveMAML,
    InductivePrototypes,
    letters,
    loss,
    method_named,
    sample,
    trained,
)

__all__ = [
    "METHODS",
    "InductiveMAML",
    "InductivePrototypes",
    "Rates",
    "Row",
    "Settings",
    "evaluate",
    "letters",
    "loss",
    "method_named",
    "pixel_neighbours",
    "read",
    "run",
    "sample",
    "trained",
    "with_new_head",
]
