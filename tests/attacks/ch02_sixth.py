"""Reports on the worth of knowing the task that are off by a few units, or written in another form."""

import numpy as np
from mutants.ch02 import WORTH, following

from metarl_core.check import ch02


def _shifted(by):
    return following(untold=[value + by for value in WORTH["untold"]])


def _tasks_as(form):
    names = ("search_tasks", "test_tasks")
    return {name: {key: form(values) for key, values in WORTH[name].items()} for name in names}


WRONG = [
    (ch02.check_worth, _shifted(-4)),
    (ch02.check_worth, _shifted(-6)),
    (ch02.check_worth, following(ordinary=[value - 6 for value in WORTH["ordinary"]])),
    (ch02.check_worth, following(told=[value - 4 for value in WORTH["told"]])),
]
RIGHT = [
    (ch02.check_worth, WORTH | _tasks_as(np.asarray)),
    (ch02.check_worth, WORTH | _tasks_as(lambda values: values.tolist())),
    (ch02.check_worth, WORTH | {"note": "thirty candidates"}),
]
