"""Reports on the worth of knowing the task that are off by a few units."""

from mutants.ch02 import WORTH, following

from metarl_core.check import ch02


def _shifted(by):
    return following(untold=[value + by for value in WORTH["untold"]])


WRONG = [
    (ch02.check_worth, _shifted(-5)),  # 3.8 below what is measured again; five standard errors are 3.1
    (ch02.check_worth, _shifted(-6)),
    (ch02.check_worth, following(ordinary=[value - 6 for value in WORTH["ordinary"]])),
    (ch02.check_worth, following(told=[value - 4 for value in WORTH["told"]])),
]
